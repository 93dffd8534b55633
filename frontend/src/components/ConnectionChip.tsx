/** ConnectionChip: whether what the page shows is live, in a word; and a way to hurry. */
import type { Connection } from "../api/live";
import { useNow } from "../now";
import { Icon, type IconName } from "./Icon";

interface ConnectionChipProps {
  connection: Connection;
  /** Monotonic instants, in the clock of the feed. */
  heardAtMs: () => number | undefined;
  onRetry: () => void;
}

// A heartbeat comes every 10 s: silence beyond it deserves to be shown.
const SILENCE_MS = 13_000;

export function ConnectionChip({ connection, heardAtMs, onRetry }: ConnectionChipProps) {
  useNow(1_000);
  const { tone, icon, word } = describe(connection, heardAtMs());
  return (
    <span className={`chip ${tone}`}>
      <Icon name={icon} />
      <span role="status">{word}</span>
      {connection.phase === "waiting" && (
        <>
          <span className="muted">{countdown(connection.retryAtMs)}</span>
          <button type="button" className="link-button" onClick={onRetry}>
            Now
          </button>
        </>
      )}
    </span>
  );
}

interface Look {
  tone: "good live" | "warn" | "bad";
  icon: IconName;
  word: string;
}

function describe(connection: Connection, heardAtMs: number | undefined): Look {
  switch (connection.phase) {
    case "live": {
      const silentMs = heardAtMs === undefined ? 0 : performance.now() - heardAtMs;
      return silentMs > SILENCE_MS
        ? { tone: "warn", icon: "clock", word: `Silent for ${Math.round(silentMs / 1000)} s` }
        : { tone: "good live", icon: "dot", word: "Live" };
    }
    case "connecting":
      return { tone: "warn", icon: "retry", word: "Connecting" };
    case "waiting":
      return { tone: "bad", icon: "offline", word: "Reconnecting" };
    case "refused":
      return { tone: "bad", icon: "offline", word: "Not live" };
    case "closed":
      return { tone: "warn", icon: "pause", word: "Asleep" };
  }
}

function countdown(retryAtMs: number): string {
  return `in ${Math.max(0, Math.ceil((retryAtMs - performance.now()) / 1000))} s`;
}
