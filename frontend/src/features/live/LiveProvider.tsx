/**
 * LiveProvider: the one live feed of the page, from sign-in to sign-out.
 *
 * In:   events of the gateway.
 * Out:  patched query caches at most twice a second, counters, the connection's state.
 * A page that is hidden for a minute lets its connection go (a browser has six for one gateway) and
 * takes the feed up again, where it left it, when it is looked at.
 */
import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  use,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { type LiveEvent, LiveFeed, type News } from "../../api/live";
import { session } from "../../api/session";
import { takeAlerts } from "../alerts/live";
import { takeTransactions } from "../transactions/live";
import { Batch } from "./batch";
import { LiveStore } from "./store";

const FLUSH_MS = 500;
const HIDDEN_MS_MAX = 60_000;
// Above this rate the gateway shows a sample: the list is asked for as well, so that it is true.
const SAMPLED_PER_S = 50;
const RECONCILE_MS = 2_000;
// What the feed keeps up to date, and must be asked for when it may have missed something.
const LIVE_KEYS = [["transactions"], ["alerts"], ["summary"]] as const;

interface Live {
  store: LiveStore;
  feed: LiveFeed;
}

const CurrentLive = createContext<Live | undefined>(undefined);

export function LiveProvider({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const [live] = useState<Live>(() => {
    const store = new LiveStore();
    let reconciledAtMs = 0;
    const batch = new Batch<LiveEvent>((events) => {
      takeTransactions(queryClient, valuesOf(events, "transaction"));
      const alerts = valuesOf(events, "alert");
      takeAlerts(queryClient, alerts);
      store.raise(alerts);
      const counters = valuesOf(events, "counters").at(-1);
      if (counters) {
        store.count(counters);
      }
      const isSampled = (counters?.rate_per_second ?? 0) > SAMPLED_PER_S;
      if (isMissing(events)) {
        for (const queryKey of LIVE_KEYS) {
          void queryClient.invalidateQueries({ queryKey });
        }
      } else if (isSampled && performance.now() - reconciledAtMs > RECONCILE_MS) {
        reconciledAtMs = performance.now();
        void queryClient.invalidateQueries({ queryKey: ["transactions", "list"] });
      }
    }, FLUSH_MS);
    const feed = new LiveFeed({
      open: session.open,
      onConnection: store.setConnection,
      onEvent: (event) => batch.push(event),
      now: () => performance.now(),
      random: Math.random,
    });
    return { store, feed };
  });

  useEffect(() => {
    let sleep: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      clearTimeout(sleep);
      if (document.hidden) {
        sleep = setTimeout(() => live.feed.stop(), HIDDEN_MS_MAX);
      } else {
        live.feed.start();
      }
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      clearTimeout(sleep);
      document.removeEventListener("visibilitychange", follow);
      live.feed.stop();
    };
  }, [live]);

  return <CurrentLive value={live}>{children}</CurrentLive>;
}

export function useLive() {
  const live = use(CurrentLive);
  if (!live) {
    throw new Error("no live feed outside of the signed-in pages");
  }
  const state = useSyncExternalStore(live.store.subscribe, live.store.state);
  return useMemo(
    () => ({
      ...state,
      isLive: state.connection.phase === "live",
      heardAtMs: () => live.feed.heardAtMs,
      retryNow: () => live.feed.retryNow(),
    }),
    [live, state],
  );
}

/** How often to ask instead, while the live feed is away; `false` while it is there. */
export function useFallbackInterval(everyMs = 5_000): number | false {
  return useLive().isLive ? false : everyMs;
}

/** Whether there was news that did not arrive: a gap, or a feed that does not go on where it was. */
function isMissing(events: readonly LiveEvent[]): boolean {
  return events.some(
    (event) => event.kind === "gap" || (event.kind === "hello" && !event.value.resumed),
  );
}

function valuesOf<K extends keyof News>(events: readonly LiveEvent[], kind: K): News[K][] {
  return events.filter((event) => event.kind === kind).map((event) => event.value as News[K]);
}
