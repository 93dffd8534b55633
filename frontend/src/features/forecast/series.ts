/** Series: a forecast → the rows that the chart and the table draw. Pure. */
import type { Forecast } from "../../api/types";

/** One minute; a side that is not known there is missing. Loads are transactions per minute. */
export interface LoadRow {
  atMs: number;
  actual?: number;
  mean?: number;
  /** Lower and upper bound of the 95 % interval. */
  band?: readonly [number, number];
}

export interface Series {
  rows: readonly LoadRow[];
  /** Where the past ends: the start of the minute after the last complete one. */
  nowMs: number | undefined;
}

// Recharts slows down with thousands of points, and a screen has no more columns to show them.
export const ROW_COUNT_MAX = 500;
const MINUTE_MS = 60_000;

/**
 * Joins history and forecast in time order. horizon: minutes ahead. historyMinutes: minutes back.
 * Values that are no finite numbers are left out; a load is never below zero.
 */
export function seriesOf(forecast: Forecast, horizon: number, historyMinutes: number): Series {
  const past: LoadRow[] = forecast.history
    .map((point) => ({ atMs: Date.parse(point.at), actual: point.value }))
    .filter((row) => Number.isFinite(row.atMs) && Number.isFinite(row.actual))
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-Math.min(historyMinutes, ROW_COUNT_MAX - horizon));
  const ahead: LoadRow[] = forecast.forecast
    .slice(0, horizon)
    .map(({ at, mean, lower, upper }) => ({
      atMs: Date.parse(at),
      mean: floor(mean),
      band: [floor(lower), floor(upper)] as const,
    }))
    .filter((row) => [row.atMs, row.mean, ...row.band].every(Number.isFinite));
  const last = past.at(-1);
  const first = ahead[0];
  const nowMs = last ? last.atMs + MINUTE_MS : first?.atMs;
  if (last?.actual === undefined || !first) {
    return { rows: [...past, ...ahead], nowMs };
  }
  // The dashed line and the band begin where the solid line ends, so that no gap is drawn.
  const joint: LoadRow = { ...last, mean: last.actual, band: [last.actual, last.actual] };
  return { rows: [...past.slice(0, -1), joint, ...ahead], nowMs };
}

/** One sentence that says what the chart shows. */
export function describeLoad(forecast: Forecast, horizon: number): string {
  const { rows } = seriesOf(forecast, horizon, ROW_COUNT_MAX);
  const actual = rows.findLast((row) => row.actual !== undefined)?.actual;
  const ahead = rows.at(-1);
  const now =
    actual === undefined ? "" : `${writeLoad(actual)} transactions in the last full minute`;
  if (!ahead?.band || ahead.mean === undefined || forecast.forecast.length === 0) {
    return now && `${now}.`;
  }
  const minutes = Math.min(horizon, forecast.forecast.length);
  const [lower, upper] = ahead.band;
  const then = `${writeLoad(ahead.mean)} expected in ${minutes} min (${writeLoad(lower)} to ${writeLoad(upper)})`;
  return now ? `${now}; ${then}.` : `${then}.`;
}

/** A load with as many digits as a glance needs. */
export function writeLoad(value: number): string {
  const digits = Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString(undefined, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Instants of whole steps (1, 2, 5, 10 … minutes) for about `count` marks of the time axis. */
export function timeMarks(rows: readonly LoadRow[], count: number): number[] {
  const [first, last] = [rows[0]?.atMs, rows.at(-1)?.atMs];
  if (first === undefined || last === undefined || first === last) {
    return first === undefined ? [] : [first];
  }
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((step) => step * MINUTE_MS);
  const stepMs = steps.find((step) => (last - first) / step <= count) ?? 1440 * MINUTE_MS;
  const marks: number[] = [];
  for (let at = Math.ceil(first / stepMs) * stepMs; at <= last; at += stepMs) {
    marks.push(at);
  }
  return marks;
}

function floor(value: number): number {
  return Math.max(0, value);
}
