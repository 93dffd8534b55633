/** The states of a panel that shows the forecast, the same wherever it stands. */
import type { UseQueryResult } from "@tanstack/react-query";
import { panelStateOf } from "../../api/queries";
import type { Forecast } from "../../api/types";
import type { PanelState } from "../../components/Panel";

// The forecaster works every minute: an older result means that it stands still.
const AGE_MAX_MS = 5 * 60_000;
// Fewer minutes are no curve.
const HISTORY_SHOWN_MIN = 5;

export function forecastState(asked: UseQueryResult<Forecast>, nowMs: number): PanelState {
  const state = panelStateOf(asked, (forecast) =>
    forecast.status === "ok" || forecast.history.length >= HISTORY_SHOWN_MIN
      ? undefined
      : {
          kind: "empty",
          icon: "forecast",
          title: "Not enough history yet",
          children: <Progress forecast={forecast} />,
        },
  );
  const analyzedMs = Date.parse(asked.data?.analyzed_at ?? "");
  if (state.kind === "ready" && nowMs - analyzedMs > AGE_MAX_MS) {
    const sentence = "The forecaster has not answered for a while.";
    return { kind: "stale", sinceMs: analyzedMs, sentence, onRetry: () => void asked.refetch() };
  }
  return state;
}

/** How far the history is from what a model needs. */
export function Progress({ forecast }: { forecast: Forecast }) {
  const { data_points_analyzed: has, data_points_needed: needs } = forecast;
  if (has >= needs) {
    return <p>There is enough history; the first forecast is being made.</p>;
  }
  return (
    <p>
      A forecast needs {needs} full minutes; there {has === 1 ? "is" : "are"} {has} so far.
    </p>
  );
}
