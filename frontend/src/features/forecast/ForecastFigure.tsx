/** ForecastFigure: the load chart with its legend and a sentence, or the same numbers as a table. */
import { lazy, Suspense, useMemo, useSyncExternalStore } from "react";
import type { Forecast } from "../../api/types";
import { ErrorBoundary } from "../../components/ErrorBoundary";
import { Skeleton } from "../../components/Panel";
import { writeClock, writeExactly } from "../../time";
import { describeLoad, seriesOf, writeLoad } from "./series";
import { Progress } from "./states";

const LoadChart = lazy(() => import("./LoadChart"));

interface ForecastFigureProps {
  forecast: Forecast;
  /** Minutes ahead and back. */
  horizon: number;
  historyMinutes: number;
  isTall?: boolean;
}

export function ForecastFigure(props: ForecastFigureProps) {
  const { forecast, horizon, historyMinutes, isTall = false } = props;
  const series = useMemo(
    () => seriesOf(forecast, horizon, historyMinutes),
    [forecast, horizon, historyMinutes],
  );
  const isNarrow = useIsNarrow();
  return (
    <figure>
      <div className={`chart${isTall ? " tall" : ""}`}>
        <ErrorBoundary>
          <Suspense fallback={<Skeleton lines={8} />}>
            <LoadChart series={series} markCount={isNarrow ? 4 : 9} />
          </Suspense>
        </ErrorBoundary>
      </div>
      <Legend hasForecast={forecast.forecast.length > 0} />
      <figcaption className="small muted">
        {describeLoad(forecast, horizon)} Times are in UTC.
        {forecast.status !== "ok" && <Progress forecast={forecast} />}
      </figcaption>
    </figure>
  );
}

export function ForecastTable({ forecast, horizon, historyMinutes }: ForecastFigureProps) {
  const { rows } = seriesOf(forecast, horizon, historyMinutes);
  return (
    // Scrolls by itself: keys must be able to reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls takes the focus
    <section className="table-wrap tall-scroll" aria-label="Numbers" tabIndex={0}>
      <table className="table">
        <caption className="visually-hidden">
          Transactions per minute, newest first: what was counted and what is expected
        </caption>
        <thead>
          <tr>
            <th scope="col">Minute (UTC)</th>
            <th scope="col" className="number">
              Actual
            </th>
            <th scope="col" className="number">
              Forecast
            </th>
            <th scope="col" className="number">
              95 % interval
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.toReversed().map((row) => (
            <tr key={row.atMs}>
              <th scope="row">
                <time dateTime={new Date(row.atMs).toISOString()} title={writeExactly(row.atMs)}>
                  {writeClock(row.atMs)}
                </time>
              </th>
              <td className="number">{row.actual === undefined ? "–" : writeLoad(row.actual)}</td>
              <td className="number">
                {row.actual === undefined && row.mean !== undefined ? writeLoad(row.mean) : "–"}
              </td>
              <td className="number">
                {row.actual === undefined && row.band
                  ? `${writeLoad(row.band[0])} – ${writeLoad(row.band[1])}`
                  : "–"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Legend({ hasForecast }: { hasForecast: boolean }) {
  return (
    <ul className="legend">
      <li>
        <svg viewBox="0 0 22 12" aria-hidden="true">
          <path d="M0 6h22" stroke="var(--chart-actual)" strokeWidth="2" />
        </svg>
        Actual
      </li>
      {hasForecast && (
        <>
          {" "}
          <li>
            <svg viewBox="0 0 22 12" aria-hidden="true">
              <path
                d="M0 6h22"
                stroke="var(--chart-forecast)"
                strokeWidth="2"
                strokeDasharray="5 3.5"
              />
            </svg>
            Forecast
          </li>
          <li>
            <svg viewBox="0 0 22 12" aria-hidden="true">
              <rect
                width="22"
                height="12"
                rx="2"
                fill="var(--chart-band)"
                fillOpacity="var(--chart-band-opacity)"
              />
            </svg>
            95 % interval
          </li>
        </>
      )}
    </ul>
  );
}

const NARROW = "(max-width: 48rem)";

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = matchMedia(NARROW);
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => matchMedia(NARROW).matches,
  );
}
