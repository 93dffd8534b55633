/** Live alerts: news of the feed, merged into the queue on the screen. */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Page } from "../../api/client";
import type { Alert } from "../../api/types";
import type { Order } from "./queries";

const LISTS: readonly (readonly [status: Alert["status"], order: Order])[] = [
  ["open", "newest"],
  ["open", "expected_loss"],
  ["resolved", "newest"],
];
const newestFirst = (a: Alert, b: Alert) => (a.id < b.id ? 1 : -1);
const BY: Readonly<Record<Order, (a: Alert, b: Alert) => number>> = {
  newest: newestFirst,
  expected_loss: (a, b) => b.expected_loss - a.expected_loss || newestFirst(a, b),
};

type Pages = InfiniteData<Page<Alert>, string | undefined>;

/** Takes news of the feed, or the outcome of an act. */
export function takeAlerts(queryClient: QueryClient, arrived: readonly Alert[]): void {
  const news = latestOf(queryClient, arrived);
  if (news.size === 0) {
    return;
  }
  for (const alert of news.values()) {
    queryClient.setQueryData<Alert>(["alerts", "one", alert.id], (known) => known && alert);
  }
  for (const [status, order] of LISTS) {
    queryClient.setQueryData<Pages>(["alerts", "list", status, order], (pages) =>
      pages ? { ...pages, pages: mergePages(pages.pages, news, status, order) } : undefined,
    );
  }
  void queryClient.invalidateQueries({ queryKey: ["summary"] });
}

/** Of two states of one alert the later has the higher version, or has been joined by more. */
function isEarlier(alert: Alert, than: Alert | undefined): boolean {
  return (
    than !== undefined &&
    (alert.version - than.version || alert.transaction_count - than.transaction_count) < 0
  );
}

/**
 * The latest of each alert, unless a later one is on the screen: news and answers meet in any
 * order.
 */
function latestOf(queryClient: QueryClient, arrived: readonly Alert[]): Map<string, Alert> {
  const states = new Map<string, Alert>();
  const known = LISTS.flatMap(
    (list) => queryClient.getQueryData<Pages>(["alerts", "list", ...list])?.pages ?? [],
  ).flatMap((page) => page.items);
  for (const alert of known) {
    if (!isEarlier(alert, states.get(alert.id))) {
      states.set(alert.id, alert);
    }
  }
  const latest = new Map<string, Alert>();
  for (const alert of arrived) {
    const one = queryClient.getQueryData<Alert>(["alerts", "one", alert.id]);
    if (!isEarlier(alert, states.get(alert.id)) && !isEarlier(alert, one)) {
      states.set(alert.id, alert);
      latest.set(alert.id, alert);
    }
  }
  return latest;
}

function mergePages(
  pages: readonly Page<Alert>[],
  news: ReadonlyMap<string, Alert>,
  status: Alert["status"],
  order: Order,
): Page<Alert>[] {
  const known = new Set(pages.flatMap((page) => page.items.map((alert) => alert.id)));
  const arrived = [...news.values()].filter((alert) => !known.has(alert.id));
  return pages.map((page, index) => {
    const kept = page.items.map((alert) => news.get(alert.id) ?? alert);
    const items = (index === 0 ? [...arrived, ...kept] : kept).filter(
      (alert) => alert.status === status,
    );
    return { ...page, items: items.sort(BY[order]) };
  });
}
