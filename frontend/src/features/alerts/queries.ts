/** Alert hooks: the queue, one alert, and the decision of a person about it. */
import {
  type InfiniteData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../api/client";
import { Refusal } from "../../api/problem";
import type { Alert, Resolution } from "../../api/types";
import { useFallbackInterval } from "../live/LiveProvider";
import { takeAlerts } from "./live";

const PAGE_SIZE = 50;

/** Alerts of one status, newest first, page after page. */
export function useAlerts(status: Alert["status"]) {
  const refetchInterval = useFallbackInterval();
  return useInfiniteQuery<
    Page<Alert>,
    Error,
    InfiniteData<Page<Alert>, string | undefined>,
    readonly ["alerts", "list", Alert["status"]],
    string | undefined
  >({
    queryKey: ["alerts", "list", status],
    initialPageParam: undefined,
    queryFn: async ({ pageParam, signal }) => {
      const query = { status, limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) };
      return pageOf(await client.GET("/alerts/", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval,
  });
}

export function useAlert(id: string) {
  return useQuery<Alert>({
    queryKey: ["alerts", "one", id],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/alerts/{alert_id}", { params: { path: { alert_id: id } }, signal }),
      ),
  });
}

export interface ResolveOrder {
  id: string;
  resolution: Resolution;
  note: string;
}

/** Resolves an alert. Never optimistic: the queue changes when the gateway has said yes. */
export function useResolveAlert() {
  const queryClient = useQueryClient();
  return useMutation<Alert, Error, ResolveOrder>({
    mutationFn: async ({ id, resolution, note }) =>
      bodyOf(
        await client.POST("/alerts/{alert_id}/resolve", {
          params: { path: { alert_id: id } },
          body: { resolution, note },
        }),
      ),
    onSuccess: (alert) => {
      queryClient.setQueryData(["alerts", "one", alert.id], alert);
      takeAlerts(queryClient, [alert]);
    },
    onError: (error) => {
      if (error instanceof Refusal && error.status === 409) {
        void queryClient.invalidateQueries({ queryKey: ["alerts"] });
      }
    },
  });
}
