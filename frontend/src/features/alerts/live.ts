/** Live alerts: news of the feed, merged into the queue on the screen. */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Page } from "../../api/client";
import type { Alert } from "../../api/types";

type Pages = InfiniteData<Page<Alert>, string | undefined>;

/** Takes news of the feed, or the outcome of a resolution. */
export function takeAlerts(queryClient: QueryClient, news: readonly Alert[]): void {
  if (news.length === 0) {
    return;
  }
  for (const alert of news) {
    queryClient.setQueryData<Alert>(["alerts", "one", alert.id], (known) => known && alert);
  }
  for (const status of ["open", "resolved"] as const) {
    queryClient.setQueryData<Pages>(["alerts", "list", status], (pages) =>
      pages ? { ...pages, pages: mergePages(pages.pages, news, status) } : undefined,
    );
  }
  void queryClient.invalidateQueries({ queryKey: ["summary"] });
}

function mergePages(
  pages: readonly Page<Alert>[],
  news: readonly Alert[],
  status: Alert["status"],
): Page<Alert>[] {
  const ids = new Set(news.map((alert) => alert.id));
  const known = new Set(pages.flatMap((page) => page.items.map((alert) => alert.id)));
  const latest = new Map(news.map((alert) => [alert.id, alert]));
  const arrived = [...latest.values()].filter((alert) => !known.has(alert.id));
  return pages.map((page, index) => {
    const kept = page.items.map((alert) =>
      ids.has(alert.id) ? (latest.get(alert.id) ?? alert) : alert,
    );
    const items = (index === 0 ? [...arrived, ...kept] : kept).filter(
      (alert) => alert.status === status,
    );
    return { ...page, items: items.sort((a, b) => (a.id < b.id ? 1 : -1)) };
  });
}
