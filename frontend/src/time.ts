/** Time: instants are shown in UTC, as in the console and in the logs, and marked as such. */

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });

/** Milliseconds since the epoch, or undefined when the text is no instant. */
export function instantOf(text: string | null | undefined): number | undefined {
  const ms = text ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** "14:02:07" for today, "3 Nov 14:02" for another day. */
export function writeInstant(ms: number, nowMs: number): string {
  const isToday = Math.floor(ms / DAY_MS) === Math.floor(nowMs / DAY_MS);
  return isToday ? CLOCK.format(ms) : `${DAY.format(ms)} ${writeClock(ms)}`;
}

/** "14:02" */
export function writeClock(ms: number): string {
  return CLOCK.format(ms).slice(0, 5);
}

/** "2026-11-24 14:02:07.123 UTC" */
export function writeExactly(ms: number): string {
  return `${new Date(ms).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

/** An age in a few characters: 4s, 3m, 2h, 9d. */
export function writeAge(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 120) {
    return `${Math.round(seconds)}s`;
  }
  if (seconds < 2 * 3600) {
    return `${Math.floor(seconds / 60)}m`;
  }
  return seconds < 2 * 86_400
    ? `${Math.floor(seconds / 3600)}h`
    : `${Math.floor(seconds / 86_400)}d`;
}

const AGE = /^([0-9]{1,5})(s|m|h|d)$/;
const AGE_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** Whether a text is an age such as 15m, 2h or 3d. */
export function isAge(text: string): boolean {
  return AGE.test(text);
}

/** An age as the instant it means, counted back from `nowMs`; any other text as it is. */
export function absoluteTime(text: string, nowMs: number): string {
  const age = AGE.exec(text);
  if (!age) {
    return text;
  }
  return new Date(nowMs - Number(age[1]) * (AGE_MS[age[2] ?? "s"] ?? 0)).toISOString();
}

const DAY_MS = 86_400_000;
