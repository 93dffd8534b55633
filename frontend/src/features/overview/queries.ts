/** Summary hook: counts over all accounts, for analysts and operators. */
import { useQuery } from "@tanstack/react-query";
import { bodyOf, client } from "../../api/client";
import type { Summary } from "../../api/types";

export function useSummary(isAllowed: boolean) {
  return useQuery<Summary>({
    queryKey: ["summary"],
    queryFn: async ({ signal }) => bodyOf(await client.GET("/analytics/summary", { signal })),
    refetchInterval: 5_000,
    enabled: isAllowed,
  });
}
