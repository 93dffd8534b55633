/** ForecastPage: load so far and to come, as a chart or as numbers, and what is thought of it. */
import { useState } from "react";
import { panelStateOf } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { useNow } from "../../now";
import { LivePage } from "../live/LivePage";
import { Anomalies } from "./Anomalies";
import { ForecastFigure, ForecastTable } from "./ForecastFigure";
import { ModelFacts } from "./ModelFacts";
import { useForecast } from "./queries";
import { forecastState } from "./states";

const HORIZONS = [10, 30, 60, 180] as const;
const VIEWS = ["chart", "table"] as const;

export function ForecastPage() {
  const asked = useForecast();
  const nowMs = useNow(15_000);
  const [horizon, setHorizon] = useState<number>(30);
  const [view, setView] = useState<(typeof VIEWS)[number]>("chart");
  const forecast = asked.data;
  const minutesAhead = forecast?.forecast.length ?? 0;
  // A horizon that the forecaster does not look at is not offered.
  const horizons = HORIZONS.filter(
    (_, index) => index === 0 || minutesAhead > (HORIZONS[index - 1] ?? 0),
  );
  const facts = panelStateOf(asked);
  const parts = { horizon, historyMinutes: Math.max(60, 4 * horizon) };
  return (
    <LivePage
      title="Forecast"
      actions={
        horizons.length > 1 && (
          <fieldset className="segmented">
            <legend className="visually-hidden">Minutes ahead</legend>
            {horizons.map((minutes) => (
              <button
                type="button"
                key={minutes}
                aria-pressed={horizon === minutes}
                onClick={() => setHorizon(minutes)}
              >
                {minutes < 120 ? `${minutes} min` : `${minutes / 60} h`}
              </button>
            ))}
          </fieldset>
        )
      }
    >
      <div className="stack">
        <Panel
          title="Transactions per minute"
          state={forecastState(asked, nowMs)}
          skeletonLines={12}
          reserves="tall-chart"
          actions={
            <fieldset className="segmented">
              <legend className="visually-hidden">Show as</legend>
              {VIEWS.map((value) => (
                <button
                  type="button"
                  key={value}
                  aria-pressed={view === value}
                  onClick={() => setView(value)}
                >
                  {value === "chart" ? "Chart" : "Table"}
                </button>
              ))}
            </fieldset>
          }
        >
          {forecast && view === "chart" && <ForecastFigure forecast={forecast} {...parts} isTall />}
          {forecast && view === "table" && <ForecastTable forecast={forecast} {...parts} />}
        </Panel>
        <div className="columns even">
          <Panel title="Right now" state={facts}>
            {forecast && <Anomalies forecast={forecast} />}
          </Panel>
          <Panel title="Model" state={facts}>
            {forecast && <ModelFacts forecast={forecast} />}
          </Panel>
        </div>
      </div>
    </LivePage>
  );
}
