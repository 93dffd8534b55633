/** Score: a number between 0 and 1, and a bar of that length. */

export function Score({ score }: { score: number | null | undefined }) {
  if (score === null || score === undefined) {
    return <span className="muted">–</span>;
  }
  const tone = score >= 0.95 ? "bad" : score >= 0.7 ? "warn" : "low";
  return (
    <span className={`score ${tone}`}>
      {score.toFixed(2)}
      <svg viewBox="0 0 40 6" preserveAspectRatio="none" aria-hidden="true">
        <rect className="track" width="40" height="6" rx="3" />
        <rect className="fill" width={Math.max(2, 40 * Math.min(1, score))} height="6" rx="3" />
      </svg>
    </span>
  );
}
