/** Audit hooks: the trail, page after page. */
import { useQuery } from "@tanstack/react-query";
import { client, type Page, pageOf } from "../../../api/client";
import type { AuditEntry } from "../../../api/types";
import { absoluteTime } from "../../../time";
import type { Filters } from "../search";

export const AUDIT_FILTERS = ["actor", "subject", "action", "outcome", "since", "until"] as const;
type AuditFilters = Filters<(typeof AUDIT_FILTERS)[number]>;

const PAGE_SIZE = 50;
const RENEW_MS = 10_000;

/** A page of the trail, newest first; without a cursor it is asked for again and again. */
export function useAuditTrail(filters: AuditFilters, cursor: string | null) {
  return useQuery<Page<AuditEntry>>({
    queryKey: ["audit", filters, cursor],
    queryFn: async ({ signal }) => {
      const { since, until, outcome, ...exact } = filters;
      const nowMs = Date.now();
      const query = {
        limit: PAGE_SIZE,
        ...exact,
        ...(outcome && { outcome: outcome as AuditEntry["outcome"] }),
        ...(since && { since: absoluteTime(since, nowMs) }),
        ...(until && { until: absoluteTime(until, nowMs) }),
        ...(cursor !== null && { cursor }),
      };
      return pageOf(await client.GET("/audit/", { params: { query }, signal }));
    },
    refetchInterval: cursor === null && RENEW_MS,
  });
}
