/** AlertList: the queue; each entry opens the alert beside it. */
import { Link } from "react-router";
import type { Alert } from "../../api/types";
import { Money } from "../../components/Money";
import { Score } from "../../components/Score";
import { DecisionTag, ResolutionTag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";

interface AlertListProps {
  alerts: readonly Alert[];
  selectedId?: string | null;
  hrefOf: (alert: Alert) => string;
}

export function AlertList({ alerts, selectedId, hrefOf }: AlertListProps) {
  return (
    <ul className="alert-list">
      {alerts.map((alert) => (
        <li key={alert.id}>
          <Link
            className="alert-item"
            to={hrefOf(alert)}
            aria-current={alert.id === selectedId ? "true" : undefined}
            preventScrollReset
          >
            <span className="alert-line">
              <strong className="clip">{alert.merchant}</strong>
              <Money amount={alert.total_amount} currency={alert.currency} />
            </span>
            <span className="alert-line small">
              {alert.status === "open" ? (
                <DecisionTag decision={alert.decision} />
              ) : (
                <ResolutionTag resolution={alert.resolution} />
              )}
              <Score score={alert.score} />
              {alert.transaction_count > 1 && (
                <span className="muted">
                  {alert.transaction_count.toLocaleString("en")} payments
                </span>
              )}
              <span className="muted alert-time">
                <TimeUtc instant={alert.created_at} />
              </span>
            </span>
            <span className="alert-line small muted">
              <span className="clip">
                {alert.state === "taken" && <strong>{alert.taken_by} works on it · </strong>}
                {alert.reasons[0]?.text ?? alert.account_id}
              </span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
