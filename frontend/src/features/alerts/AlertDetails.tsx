/** AlertDetails: one alert, why it was raised, and what became of it. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Alert } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Money } from "../../components/Money";
import { Notice } from "../../components/Notice";
import { Score } from "../../components/Score";
import { DecisionTag, ResolutionTag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";
import { Reasons } from "../transactions/Reasons";

interface AlertDetailsProps {
  alert: Alert;
  /** What the visitor may do about it. */
  acts: ReactNode;
}

export function AlertDetails({ alert, acts }: AlertDetailsProps) {
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
      {acts}
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
          {alert.assignee && (
            <>
              <dt>Assigned to</dt>
              <dd className="break">{alert.assignee}</dd>
            </>
          )}
          {alert.transaction_count > 1 && (
            <>
              <dt>Burst</dt>
              <dd>
                {alert.transaction_count.toLocaleString("en")} transactions,{" "}
                <Money amount={alert.total_amount} currency={alert.currency} /> in all
              </dd>
            </>
          )}
          <dt>Expected loss</dt>
          <dd>
            {alert.expected_loss.toLocaleString("en", { maximumSignificantDigits: 3 })} typical
            payments in {alert.currency}
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
