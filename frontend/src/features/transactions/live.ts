/** Live transactions: news of the feed, merged into the lists that are on the screen. */
import type { QueryClient } from "@tanstack/react-query";
import type { Page } from "../../api/client";
import type { Transaction } from "../../api/types";
import { type Filters, matches } from "./filters";

/** Rows of one page. */
export const PAGE_SIZE = 50;
/** A live list may grow to this before it is asked for again with its newest page. */
export const LIVE_ROWS_MAX = 150;

export type ListKey = readonly ["transactions", "list", Filters, string | null];

// What arrived lately. An answer that was on its way meanwhile does not hold it yet, and would make
// it vanish from the screen.
const recent = new Map<string, Transaction>();

/** Takes news of the feed, or of a submission. */
export function takeTransactions(queryClient: QueryClient, news: readonly Transaction[]): void {
  if (news.length === 0) {
    return;
  }
  for (const transaction of news) {
    remember(transaction);
    queryClient.setQueryData<Transaction>(["transactions", "one", transaction.id], (known) =>
      known ? further(known, transaction) : undefined,
    );
  }
  const nowMs = Date.now();
  for (const [key, page] of queryClient.getQueriesData<Page<Transaction>>({
    queryKey: ["transactions", "list"],
  })) {
    const [, , filters, cursor] = key as unknown as ListKey;
    if (page && cursor === null) {
      const fitting = news.filter((transaction) => matches(filters, transaction, nowMs));
      const items = merge(page.items, fitting);
      if (items.length > LIVE_ROWS_MAX) {
        void queryClient.invalidateQueries({ queryKey: key, exact: true });
      } else if (items !== page.items) {
        queryClient.setQueryData(key, { ...page, items });
      }
    }
  }
}

/** Adds what arrived while the newest page was on its way. */
export function withRecent(page: Page<Transaction>, filters: Filters): Page<Transaction> {
  const oldest = page.nextCursor === undefined ? undefined : page.items.at(-1);
  const nowMs = Date.now();
  const fitting = [...recent.values()].filter(
    (transaction) =>
      matches(filters, transaction, nowMs) && (oldest === undefined || transaction.id > oldest.id),
  );
  return { ...page, items: merge(page.items, fitting) };
}

/** Forgets what arrived: somebody else may sign in. */
export function forgetRecent(): void {
  recent.clear();
}

/** Merges news into a list, newest first, each transaction once. Ids sort by time (UUIDv7). */
export function merge(
  items: readonly Transaction[],
  news: readonly Transaction[],
): readonly Transaction[] {
  if (news.length === 0) {
    return items;
  }
  const byId = new Map(items.map((transaction) => [transaction.id, transaction]));
  for (const transaction of news) {
    const known = byId.get(transaction.id);
    byId.set(transaction.id, known ? further(known, transaction) : transaction);
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** The one that is further on its way: news may overtake each other. */
function further(known: Transaction, other: Transaction): Transaction {
  return known.status === "processed" && other.status !== "processed" ? known : other;
}

function remember(transaction: Transaction): void {
  const known = recent.get(transaction.id);
  recent.delete(transaction.id);
  recent.set(transaction.id, known ? further(known, transaction) : transaction);
  while (recent.size > LIVE_ROWS_MAX) {
    recent.delete(recent.keys().next().value as string);
  }
}
