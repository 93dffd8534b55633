/** The numbers of the overview: over all accounts for staff, over their own for customers. Pure. */
import type { Counters, Forecast, StreamLength, Summary, Transaction } from "../../api/types";
import { writeLoad } from "../forecast/series";
import type { Kpi } from "./Kpis";

interface StaffNumbers {
  summary: Summary | undefined;
  counters: Counters | undefined;
  rates: readonly number[];
  backlog: StreamLength | undefined;
}

export function staffKpis({ summary, counters, rates, backlog }: StaffNumbers): Kpi[] {
  return [
    {
      label: "Throughput",
      value: counters && writeLoad(counters.rate_per_second),
      unit: "per second",
      curve: rates,
    },
    {
      label: "Last minute",
      value: summary && writeCount(summary.last_minute.count),
      detail: summary && writeShare(summary.last_minute.flagged, summary.last_minute.count),
    },
    {
      label: "Last hour",
      value: summary && writeCount(summary.last_hour.count),
      detail: summary && writeShare(summary.last_hour.flagged, summary.last_hour.count),
    },
    {
      label: "All transactions",
      value: summary && writeCount(summary.total_transactions),
      detail: summary && writeShare(summary.total_flagged, summary.total_transactions),
    },
    backlogKpi(backlog, counters),
  ];
}

interface CustomerNumbers {
  latest: readonly Transaction[] | undefined;
  backlog: StreamLength | undefined;
  forecast: Forecast | undefined;
}

export function customerKpis({ latest, backlog, forecast }: CustomerNumbers): Kpi[] {
  const load = forecast?.history.at(-1)?.value;
  const flagged = latest?.filter((transaction) => transaction.is_flagged).length ?? 0;
  return [
    {
      label: "Your latest transactions",
      value: latest && writeCount(latest.length),
      detail: latest && writeShare(flagged, latest.length),
    },
    {
      label: "Load of the system",
      value: load === undefined ? undefined : writeLoad(load),
      unit: "per minute",
      ...(forecast && { curve: forecast.history.slice(-60).map((point) => point.value) }),
    },
    backlogKpi(backlog, undefined),
  ];
}

/** "12 flagged, 1.2 %" */
export function writeShare(part: number, whole: number): string {
  if (part === 0) {
    return "none flagged";
  }
  const share = (100 * part) / Math.max(whole, 1);
  return `${writeCount(part)} flagged, ${share.toFixed(share < 10 ? 1 : 0)} %`;
}

export function writeCount(count: number): string {
  return count.toLocaleString();
}

function backlogKpi(backlog: StreamLength | undefined, counters: Counters | undefined): Kpi {
  const waiting = counters?.backlog ?? backlog?.transactions_in_queue;
  const oldest = backlog?.oldest_seconds ?? 0;
  return {
    label: "Waiting to be written",
    value: waiting === undefined ? undefined : writeCount(waiting),
    detail:
      waiting === undefined
        ? undefined
        : waiting === 0
          ? "all accepted ones are stored"
          : `oldest ${oldest.toFixed(1)} s, safe on disk`,
  };
}
