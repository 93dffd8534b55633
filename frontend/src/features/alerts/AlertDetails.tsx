/** AlertDetails: one alert, why it was raised, and the two things that can be decided about it. */
import { Link } from "react-router";
import type { Alert, Resolution } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Icon } from "../../components/Icon";
import { Money } from "../../components/Money";
import { Notice } from "../../components/Notice";
import { Score } from "../../components/Score";
import { DecisionTag, ResolutionTag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";
import { Reasons } from "../transactions/Reasons";

interface AlertDetailsProps {
  alert: Alert;
  mayResolve: boolean;
  onResolve: (resolution: Resolution) => void;
}

export function AlertDetails({ alert, mayResolve, onResolve }: AlertDetailsProps) {
  const history = new URLSearchParams({ account_id: alert.account_id });
  return (
    <div className="stack">
      <div className="stack tight">
        <Money amount={alert.amount} currency={alert.currency} isBig />
        <p className="break">
          <strong>{alert.merchant}</strong>
        </p>
        <p className="tags">
          <ResolutionTag resolution={alert.resolution} />
          <DecisionTag decision={alert.decision} />
          <Score score={alert.score} />
        </p>
      </div>
      {alert.status === "open" && mayResolve && (
        <div className="form-actions">
          <button type="button" className="button bad" onClick={() => onResolve("fraud")}>
            <Icon name="cross" /> Confirm fraud
          </button>
          <button type="button" className="button good" onClick={() => onResolve("legitimate")}>
            <Icon name="check" /> Legitimate
          </button>
        </div>
      )}
      {alert.resolution && (
        <Notice tone={alert.resolution === "fraud" ? "bad" : "good"}>
          <p>
            Resolved as <strong>{alert.resolution}</strong>
            {alert.resolved_by && <> by {alert.resolved_by}</>},{" "}
            <TimeUtc instant={alert.resolved_at} isExact />
          </p>
          {alert.note && <p className="break">“{alert.note}”</p>}
        </Notice>
      )}
      <section className="stack tight">
        <h3>Why</h3>
        <Reasons reasons={alert.reasons} />
      </section>
      <section className="stack tight">
        <h3>Facts</h3>
        <dl className="facts">
          <dt>Account</dt>
          <dd>
            <Link className="mono" to={`/transactions?${history}`}>
              {alert.account_id}
            </Link>
          </dd>
          <dt>Occurred</dt>
          <dd>
            <TimeUtc instant={alert.occurred_at} isExact />
          </dd>
          <dt>Raised</dt>
          <dd>
            <TimeUtc instant={alert.created_at} isExact />
          </dd>
          <dt>Transaction</dt>
          <dd>
            <Link className="mono" to={`/transactions?transaction=${alert.transaction_id}`}>
              {alert.transaction_id}
            </Link>{" "}
            <CopyButton text={alert.transaction_id} what="the transaction's id" />
          </dd>
        </dl>
      </section>
    </div>
  );
}
