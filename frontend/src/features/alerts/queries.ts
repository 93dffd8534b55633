/** Alert hooks: the queue, one alert with its history, and what people do about it. */
import {
  type InfiniteData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../api/client";
import { Refusal } from "../../api/problem";
import type { Alert, AlertChange, Budget, Resolution, Transaction } from "../../api/types";
import { useFallbackInterval } from "../live/LiveProvider";
import { takeAlerts } from "./live";

const PAGE_SIZE = 50;
/** Transactions of a burst that are shown, the newest. */
export const BURST_SHOWN = 20;

/** `expected_loss` is for those that are open alone. */
export type Order = "newest" | "expected_loss";

/** Alerts of one status, page after page. */
export function useAlerts(status: Alert["status"], order: Order = "newest") {
  const refetchInterval = useFallbackInterval();
  return useInfiniteQuery<
    Page<Alert>,
    Error,
    InfiniteData<Page<Alert>, string | undefined>,
    readonly ["alerts", "list", Alert["status"], Order],
    string | undefined
  >({
    queryKey: ["alerts", "list", status, order],
    initialPageParam: undefined,
    queryFn: async ({ pageParam, signal }) => {
      const query = { status, order, limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) };
      return pageOf(await client.GET("/alerts/", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval,
  });
}

const BUDGET_EVERY_MS = 30_000;

/** How many alerts an hour people can look at, and which score that cuts at. */
export function useBudget() {
  return useQuery<Budget>({
    queryKey: ["alerts", "budget"],
    queryFn: async ({ signal }) => bodyOf(await client.GET("/alerts/budget", { signal })),
    refetchInterval: BUDGET_EVERY_MS,
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

/** What people did to an alert, newest first. */
export function useAlertHistory(alert: Alert) {
  return useQuery<readonly AlertChange[]>({
    // Another version has another history.
    queryKey: ["alerts", "history", alert.id, alert.version],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/alerts/{alert_id}/history", {
          params: { path: { alert_id: alert.id } },
          signal,
        }),
      ),
    placeholderData: (shown) => shown,
  });
}

/** What belongs to an alert's burst, newest first. */
export function useBurst(alert: Alert) {
  return useQuery<readonly Transaction[]>({
    queryKey: ["alerts", "burst", alert.id, alert.transaction_count],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/alerts/{alert_id}/transactions", {
          params: { path: { alert_id: alert.id }, query: { limit: BURST_SHOWN } },
          signal,
        }),
      ),
    placeholderData: (shown) => shown,
  });
}

/** Something that a person does about the version of an alert that they see. */
export type AlertAct =
  | { kind: "take" | "release" | "reopen" }
  | { kind: "assign"; assignee: string | null }
  | { kind: "note"; note: string }
  | { kind: "resolve"; resolution: Resolution; note: string };

/** Does it. Never optimistic: the queue changes when the gateway has said yes. */
export function useActOnAlert() {
  const queryClient = useQueryClient();
  return useMutation<Alert, Error, { alert: Alert; act: AlertAct }>({
    mutationFn: ({ alert, act }) => send(alert, act),
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

/** Takes the alert that is due next; undefined when none waits. */
export function useTakeNext() {
  const queryClient = useQueryClient();
  return useMutation<Alert | undefined, Error, void>({
    mutationFn: async () => {
      const answer = await client.POST("/alerts/next");
      if (answer.response.status === 204) {
        return undefined;
      }
      return bodyOf(answer);
    },
    onSuccess: (alert) => {
      if (alert) {
        queryClient.setQueryData(["alerts", "one", alert.id], alert);
        takeAlerts(queryClient, [alert]);
      }
    },
  });
}

async function send({ id, version }: Alert, act: AlertAct): Promise<Alert> {
  const path = { alert_id: id };
  const seen = { path, header: { "If-Match": `"${version}"` } };
  switch (act.kind) {
    case "take":
      return bodyOf(await client.POST("/alerts/{alert_id}/take", { params: seen }));
    case "release":
      return bodyOf(await client.POST("/alerts/{alert_id}/release", { params: seen }));
    case "reopen":
      return bodyOf(await client.POST("/alerts/{alert_id}/reopen", { params: seen }));
    case "assign": {
      const body = { assignee: act.assignee, version };
      return bodyOf(await client.POST("/alerts/{alert_id}/assign", { params: { path }, body }));
    }
    case "note": {
      // Notes of several people stand side by side: whatever version they have seen.
      const body = { note: act.note };
      return bodyOf(await client.POST("/alerts/{alert_id}/note", { params: { path }, body }));
    }
    case "resolve": {
      const body = { resolution: act.resolution, note: act.note, version };
      return bodyOf(await client.POST("/alerts/{alert_id}/resolve", { params: { path }, body }));
    }
  }
}
