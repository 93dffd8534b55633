/** Scoring hooks: which versions there are, what decides, how a shadow compares; and their acts. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../api/client";
import type { Comparison, NewScoringVersion, Scoring, ScoringVersion } from "../../api/types";

const SCORING = ["scoring"] as const;
const RENEW_MS = 10_000;
const PAGE_SIZE = 50;

/** What decides now, what runs beside it, and what did before. */
export function useScoring() {
  return useQuery<Scoring>({
    queryKey: [...SCORING, "present"],
    queryFn: async ({ signal }) => bodyOf(await client.GET("/scoring/", { signal })),
    refetchInterval: RENEW_MS,
  });
}

/** The versions that somebody made, newest first. */
export function useVersions() {
  return useInfiniteQuery({
    queryKey: [...SCORING, "versions"],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }): Promise<Page<ScoringVersion>> => {
      const query = { limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) };
      return pageOf(await client.GET("/scoring/versions/", { params: { query }, signal }));
    },
    getNextPageParam: (page: Page<ScoringVersion>) => page.nextCursor,
  });
}

/** A version's last run in shadow, beside what was live meanwhile. */
export function useComparison(number: number) {
  return useQuery<Comparison>({
    queryKey: [...SCORING, "comparison", number],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/scoring/versions/{number}/comparison", {
          params: { path: { number: String(number) } },
          signal,
        }),
      ),
    refetchInterval: RENEW_MS,
  });
}

export type VersionAct = "shadow" | "promote" | "rollback" | "end-shadow";

/** Returns what does each act upon a version; all that is shown of scoring is asked for again. */
export function useVersionActs() {
  const queryClient = useQueryClient();
  const renewed = async <T>(answer: Promise<T>): Promise<T> => {
    const body = await answer;
    await queryClient.invalidateQueries({ queryKey: SCORING });
    return body;
  };
  return {
    make: (body: NewScoringVersion) =>
      renewed(client.POST("/scoring/versions/", { body }).then(bodyOf)),
    act: (act: VersionAct, number: number): Promise<unknown> => renewed(send(act, number)),
  };
}

function send(act: VersionAct, number: number): Promise<unknown> {
  const params = { path: { number: String(number) } };
  switch (act) {
    case "shadow":
      return client.POST("/scoring/versions/{number}/shadow", { params }).then(bodyOf);
    case "promote":
      return client
        .POST("/scoring/versions/{number}/promote", { params, body: { without_shadow: false } })
        .then(bodyOf);
    case "rollback":
      return client.POST("/scoring/rollback", { body: { live: number } }).then(bodyOf);
    default:
      return client.POST("/scoring/shadow/end").then(bodyOf);
  }
}
