/** Words: a version's settings, and shares, as people read them. */
import type { ScoringVersion } from "../../api/types";

export function writeEmphasis(emphasis: ScoringVersion["emphasis"]): string {
  const parts = Object.entries(emphasis).map(([detector, factor]) => `${detector} × ${factor}`);
  return parts.length > 0 ? parts.join(", ") : "all count as they are";
}

export function writeShare(share: number | null): string {
  return share === null ? "–" : `${(100 * share).toFixed(1)} %`;
}

export function writeRate(perHour: number): string {
  return perHour.toLocaleString("en", { maximumFractionDigits: 1 });
}

export function writeHours(hours: number): string {
  const minutes = Math.round(60 * hours);
  return minutes < 120 ? `${minutes} minutes` : `${writeRate(hours)} hours`;
}
