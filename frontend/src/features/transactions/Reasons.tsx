/** Reasons: what the detectors found, in their own words and numbers. */
import type { Reason } from "../../api/types";

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0) {
    return <p className="muted">Nothing unusual was found.</p>;
  }
  return (
    <ul className="reasons">
      {reasons.map((reason) => (
        <li key={reason.detector}>
          <div className="reason-head">
            <strong>{reason.detector}</strong>
            {isNumber(reason.z_score) && (
              <span className="muted" title="Standard deviations above what is usual">
                {writeStatistic(reason.z_score)} σ
              </span>
            )}
          </div>
          <p>{reason.text}</p>
          <p className="small muted">{writeEvidence(reason)}</p>
        </li>
      ))}
    </ul>
  );
}

function writeEvidence(reason: Reason): string {
  const parts = [
    isNumber(reason.observed) && `observed ${writeStatistic(reason.observed)}`,
    isNumber(reason.expected) &&
      `expected ${writeStatistic(reason.expected)}${
        isNumber(reason.spread) ? ` ± ${writeStatistic(reason.spread)}` : ""
      }`,
    isNumber(reason.observations) && `from ${reason.observations.toLocaleString()} before it`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Statistics are measures, not money: a few digits are all that they mean. */
function writeStatistic(value: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
