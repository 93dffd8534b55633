/** Transaction hooks: the history, one transaction, the backlog. */
import { useQuery } from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../api/client";
import type { StreamLength, Transaction } from "../../api/types";
import { useFallbackInterval } from "../live/LiveProvider";
import { type Filters, queryOf } from "./filters";
import { type ListKey, PAGE_SIZE, withRecent } from "./live";

/** A page of the history, newest first; without a cursor it stays live. */
export function useTransactions(filters: Filters, cursor: string | null) {
  const refetchInterval = useFallbackInterval();
  return useQuery<Page<Transaction>>({
    queryKey: ["transactions", "list", filters, cursor] satisfies ListKey,
    queryFn: async ({ signal }) => {
      const query = {
        limit: PAGE_SIZE,
        ...queryOf(filters, Date.now()),
        ...(cursor !== null && { cursor }),
      };
      const page = pageOf(await client.GET("/transactions/", { params: { query }, signal }));
      return cursor === null ? withRecent(page, filters) : page;
    },
    refetchInterval: cursor === null && refetchInterval,
  });
}

/** One transaction; one that is pending is asked for until it is written. known: from a list. */
export function useTransaction(id: string, known?: Transaction) {
  return useQuery<Transaction>({
    queryKey: ["transactions", "one", id],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/transactions/{transaction_id}", {
          params: { path: { transaction_id: id } },
          signal,
        }),
      ),
    refetchInterval: (query) => (query.state.data?.status === "pending" ? 1_000 : false),
    ...(known && { placeholderData: known }),
  });
}

export function useStreamLength() {
  return useQuery<StreamLength>({
    queryKey: ["stream-length"],
    queryFn: async ({ signal }) =>
      bodyOf(await client.GET("/transactions/stream/length", { signal })),
    refetchInterval: 5_000,
  });
}
