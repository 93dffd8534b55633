/**
 * LoadChart: actual load (solid), forecast (dashed) and its 95 % interval (area), and where now is.
 * The only module that imports the chart library, so that it is loaded when a chart is shown.
 */
import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import { writeClock } from "../../time";
import { type LoadRow, type Series, timeMarks, writeLoad } from "./series";

interface LoadChartProps {
  series: Series;
  /** About how many times are written under the chart. */
  markCount: number;
}

const COLOUR = {
  actual: "var(--chart-actual)",
  forecast: "var(--chart-forecast)",
  band: "var(--chart-band)",
  grid: "var(--chart-grid)",
  now: "var(--chart-now)",
  axis: "var(--line)",
} as const;
const MARGIN = { top: 16, right: 12, bottom: 0, left: 0 } as const;
const TICK = { fill: "var(--muted)" } as const;
const INITIAL_SIZE = { width: 600, height: 260 } as const;

export default function LoadChart({ series, markCount }: LoadChartProps) {
  const { rows, nowMs } = series;
  return (
    <ResponsiveContainer width="100%" height="100%" initialDimension={INITIAL_SIZE}>
      <ComposedChart data={rows as LoadRow[]} margin={MARGIN}>
        <CartesianGrid stroke={COLOUR.grid} vertical={false} />
        <XAxis
          dataKey="atMs"
          type="number"
          scale="time"
          domain={["dataMin", "dataMax"]}
          ticks={timeMarks(rows, markCount)}
          tickFormatter={writeClock}
          tick={TICK}
          tickLine={false}
          stroke={COLOUR.axis}
        />
        <YAxis
          width={44}
          tickFormatter={writeLoad}
          tick={TICK}
          tickLine={false}
          axisLine={false}
          allowDecimals={false}
          domain={[0, "auto"]}
        />
        <Tooltip
          content={MinuteTooltip}
          cursor={{ stroke: COLOUR.now }}
          isAnimationActive={false}
        />
        <Area
          dataKey="band"
          stroke="none"
          fill={COLOUR.band}
          fillOpacity="var(--chart-band-opacity)"
          isAnimationActive={false}
          activeDot={false}
        />
        <Line
          dataKey="actual"
          stroke={COLOUR.actual}
          strokeWidth={2}
          dot={false}
          isAnimationActive={false}
        />
        <Line
          dataKey="mean"
          stroke={COLOUR.forecast}
          strokeWidth={2}
          strokeDasharray="5 4"
          dot={false}
          isAnimationActive={false}
        />
        {nowMs !== undefined && (
          <ReferenceLine
            x={nowMs}
            stroke={COLOUR.now}
            strokeDasharray="2 3"
            ifOverflow="extendDomain"
            label={{ value: "now", position: "top", fill: "var(--muted)", fontSize: 11 }}
          />
        )}
      </ComposedChart>
    </ResponsiveContainer>
  );
}

interface TooltipProps {
  active?: boolean;
  payload?: readonly { payload?: LoadRow }[];
}

function MinuteTooltip({ active, payload }: TooltipProps) {
  const row = payload?.[0]?.payload;
  if (!active || !row) {
    return null;
  }
  return (
    <div className="tooltip">
      <strong>{writeClock(row.atMs)} UTC</strong>
      <dl>
        {row.actual !== undefined && (
          <>
            <dt>Actual</dt>
            <dd>{writeLoad(row.actual)} / min</dd>
          </>
        )}
        {row.actual === undefined && row.mean !== undefined && row.band && (
          <>
            <dt>Forecast</dt>
            <dd>{writeLoad(row.mean)} / min</dd>
            <dt>95 % interval</dt>
            <dd>
              {writeLoad(row.band[0])} – {writeLoad(row.band[1])}
            </dd>
          </>
        )}
      </dl>
    </div>
  );
}
