/** TimeUtc: an instant in UTC; pointing at it shows it exactly. */
import { instantOf, writeExactly, writeInstant } from "../time";

interface TimeUtcProps {
  instant: string | null | undefined;
  /** To the millisecond, with the date and the zone. */
  isExact?: boolean;
}

export function TimeUtc({ instant, isExact = false }: TimeUtcProps) {
  const ms = instantOf(instant);
  if (ms === undefined) {
    return <span className="muted">–</span>;
  }
  const exact = writeExactly(ms);
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact}>
      {isExact ? exact : writeInstant(ms, Date.now())}
    </time>
  );
}
