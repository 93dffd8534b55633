/** News and answers meet in any order; the lists on the screen show each thing once, and the latest of it. */
import { type InfiniteData, QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Page } from "../../src/api/client";
import type { Alert, Transaction } from "../../src/api/types";
import { takeAlerts } from "../../src/features/alerts/live";
import type { Filters } from "../../src/features/transactions/filters";
import {
  forgetRecent,
  LIVE_ROWS_MAX,
  merge,
  takeTransactions,
  withRecent,
} from "../../src/features/transactions/live";
import { alert, transaction } from "../values";

let queryClient: QueryClient;
beforeEach(() => {
  queryClient = new QueryClient();
});
afterEach(forgetRecent);

function seed(filters: Filters, cursor: string | null, items: Transaction[]): readonly unknown[] {
  const key = ["transactions", "list", filters, cursor];
  queryClient.setQueryData<Page<Transaction>>(key, { items, nextCursor: "c" });
  return key;
}

function numbers(key: readonly unknown[]): number[] {
  const page = queryClient.getQueryData<Page<Transaction>>(key);
  return (page?.items ?? []).map((item) => Number.parseInt(item.id.slice(-12), 16));
}

describe("transactions", () => {
  it("are merged newest first, each once, whatever the order of the news", () => {
    const shown = [transaction(5), transaction(3)];
    const news = [transaction(4), transaction(6), transaction(5)];
    const ids = merge(shown, news).map((item) => Number.parseInt(item.id.slice(-12), 16));
    expect(ids).toEqual([6, 5, 4, 3]);
  });

  it("do not fall back from processed to pending", () => {
    const pending = transaction(1, { status: "pending", decision: null });
    expect(merge([transaction(1)], [pending])[0]?.status).toBe("processed");
    expect(merge([pending], [transaction(1)])[0]?.status).toBe("processed");
  });

  it("go to the lists that they belong to", () => {
    const all = seed({}, null, [transaction(1)]);
    const declined = seed({ decision: "decline" }, null, []);
    const older = seed({}, "cursor", []);
    takeTransactions(queryClient, [transaction(2), transaction(3, { decision: "decline" })]);
    expect([numbers(all), numbers(declined), numbers(older)]).toEqual([[3, 2, 1], [3], []]);
  });

  it("do not vanish when an older answer arrives late", () => {
    takeTransactions(queryClient, [transaction(9)]);
    const late = withRecent({ items: [transaction(8), transaction(7)], nextCursor: "c" }, {});
    expect(late.items.map((item) => item.id)).toEqual([9, 8, 7].map((n) => transaction(n).id));
  });

  it("older than a page do not slip into it", () => {
    takeTransactions(queryClient, [transaction(1)]);
    expect(withRecent({ items: [transaction(8)], nextCursor: "c" }, {}).items).toHaveLength(1);
    expect(withRecent({ items: [transaction(8)], nextCursor: undefined }, {}).items).toHaveLength(
      2,
    );
  });

  it("make a list that has grown long ask for its newest page instead", () => {
    const key = seed({}, null, [transaction(0)]);
    takeTransactions(
      queryClient,
      Array.from({ length: LIVE_ROWS_MAX + 5 }, (_, index) => transaction(index + 1)),
    );
    expect(numbers(key)).toEqual([0]);
    expect(queryClient.getQueryState(key)?.isInvalidated).toBe(true);
  });
});

describe("alerts", () => {
  type Pages = InfiniteData<Page<Alert>, string | undefined>;
  const seedAlerts = (status: Alert["status"], ...pages: Alert[][]) =>
    queryClient.setQueryData<Pages>(["alerts", "list", status, "newest"], {
      pages: pages.map((items) => ({ items, nextCursor: undefined })),
      pageParams: pages.map(() => undefined),
    });
  const ids = (status: Alert["status"]) =>
    queryClient
      .getQueryData<Pages>(["alerts", "list", status, "newest"])
      ?.pages.map((page) => page.items.map((item) => Number.parseInt(item.id.slice(-12), 16)));

  it("that are new stand first in the queue, once", () => {
    seedAlerts("open", [alert(5)], [alert(2)]);
    takeAlerts(queryClient, [alert(6), alert(2), alert(6)]);
    expect(ids("open")).toEqual([[6, 5], [2]]);
  });

  it("that somebody resolved leave the queue for the other list", () => {
    seedAlerts("open", [alert(5), alert(4)]);
    seedAlerts("resolved", []);
    takeAlerts(queryClient, [alert(4, { status: "resolved", resolution: "fraud" })]);
    expect([ids("open"), ids("resolved")]).toEqual([[[5]], [[4]]]);
  });

  it("of an earlier version change nothing", () => {
    seedAlerts("open", [alert(4, { version: 3, assignee: "ada@example.com" })]);
    seedAlerts("resolved", []);
    takeAlerts(queryClient, [alert(4, { version: 2, status: "resolved", resolution: "fraud" })]);
    expect([ids("open"), ids("resolved")]).toEqual([[[4]], [[]]]);
  });

  it("that more has joined are later, of one version", () => {
    const key = ["alerts", "one", alert(4).id];
    queryClient.setQueryData(key, alert(4, { transaction_count: 2 }));
    const counted = () => queryClient.getQueryData<Alert>(key)?.transaction_count;
    takeAlerts(queryClient, [alert(4, { transaction_count: 3 })]);
    expect(counted()).toBe(3);
    takeAlerts(queryClient, [alert(4, { transaction_count: 2 })]);
    expect(counted()).toBe(3);
  });

  it("change the one that is open on the screen", () => {
    queryClient.setQueryData(["alerts", "one", alert(4).id], alert(4));
    takeAlerts(queryClient, [alert(4, { status: "resolved", resolution: "legitimate" })]);
    expect(queryClient.getQueryData<Alert>(["alerts", "one", alert(4).id])?.resolution).toBe(
      "legitimate",
    );
  });
});
