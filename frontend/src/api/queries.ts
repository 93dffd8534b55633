/** Queries: how server state is asked for, kept and shown; the same rules for every hook. */
import { QueryClient, type UseQueryResult } from "@tanstack/react-query";
import type { PanelState } from "../components/Panel";
import { isPassing, sentenceOf } from "./problem";

const RETRY_COUNT_MAX = 2;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The gateway may be on this machine: the browser's idea of "offline" says nothing.
        networkMode: "always",
        staleTime: 5_000,
        retry: (failureCount, error) => isPassing(error) && failureCount < RETRY_COUNT_MAX,
        retryDelay: (attempt) => 400 * 2 ** attempt,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}

type Asked<T> = Pick<UseQueryResult<T>, "data" | "error" | "dataUpdatedAt" | "refetch">;

/** The state of a panel that shows what was asked; `emptyOf` tells when there is nothing in it. */
export function panelStateOf<T>(
  asked: Asked<T>,
  emptyOf: (data: T) => Extract<PanelState, { kind: "empty" }> | undefined = () => undefined,
): PanelState {
  const onRetry = () => void asked.refetch();
  if (asked.data === undefined) {
    return asked.error
      ? { kind: "failed", sentence: sentenceOf(asked.error), onRetry }
      : { kind: "loading" };
  }
  if (asked.error) {
    const sentence = sentenceOf(asked.error);
    return { kind: "stale", sinceMs: asked.dataUpdatedAt, sentence, onRetry };
  }
  return emptyOf(asked.data) ?? { kind: "ready" };
}
