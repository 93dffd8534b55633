/** Account hooks: one's own sessions. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client, expectNothing } from "../../api/client";
import type { SignIn } from "../../api/types";

const SESSIONS = ["sessions"] as const;
const RENEW_MS = 15_000;
/** As many as the gateway lists at once: nobody is signed in so often. */
const COUNT_MAX = 500;

/** Where one is signed in: this session first, then the last used. */
export function useSessions() {
  return useQuery<readonly SignIn[]>({
    queryKey: SESSIONS,
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/auth/sessions", { params: { query: { limit: COUNT_MAX } }, signal }),
      ).toSorted(byUse),
    refetchInterval: RENEW_MS,
  });
}

/** Ends one session of one's own. One that has ended meanwhile is as good as ended. */
export function useEndSession() {
  const queryClient = useQueryClient();
  return async (sessionId: string): Promise<void> => {
    const path = { session_id: sessionId };
    expectNothing(await client.DELETE("/auth/sessions/{session_id}", { params: { path } }), [404]);
    await queryClient.invalidateQueries({ queryKey: SESSIONS });
  };
}

function byUse(a: SignIn, b: SignIn): number {
  return (
    Number(b.is_current) - Number(a.is_current) || b.last_used_at.localeCompare(a.last_used_at)
  );
}
