/** TransactionDetails: everything that is known about one transaction. */
import type { Transaction } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Money } from "../../components/Money";
import { Score } from "../../components/Score";
import { DecisionTag, StatusTag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";
import { Reasons } from "./Reasons";

export function TransactionDetails({ transaction }: { transaction: Transaction }) {
  const { metadata } = transaction;
  const isPending = transaction.status === "pending";
  return (
    <>
      <div className="stack tight">
        <Money amount={transaction.amount} currency={transaction.currency} isBig />
        <p className="break">
          <span className="capital">{transaction.kind}</span> ·{" "}
          <strong>{transaction.merchant}</strong>
          {transaction.location && <span className="muted"> · {transaction.location}</span>}
        </p>
        <p className="tags">
          <StatusTag status={transaction.status} />
          {!isPending && <DecisionTag decision={transaction.decision} />}
        </p>
      </div>
      <section className="stack tight">
        <h3>Why</h3>
        {isPending ? (
          <p className="muted">Accepted and safe. It is scored as soon as it is written.</p>
        ) : (
          <>
            <p>
              Score <Score score={transaction.score} />
            </p>
            <Reasons reasons={transaction.reasons} />
          </>
        )}
      </section>
      <section className="stack tight">
        <h3>Facts</h3>
        <dl className="facts">
          <dt>Occurred</dt>
          <dd>
            <TimeUtc instant={transaction.occurred_at} isExact />
          </dd>
          <dt>Accepted</dt>
          <dd>
            <TimeUtc instant={transaction.created_at} isExact />
          </dd>
          <dt>Account</dt>
          <dd className="mono">{transaction.account_id}</dd>
          {transaction.description && (
            <>
              <dt>Description</dt>
              <dd>{transaction.description}</dd>
            </>
          )}
          <dt>Id</dt>
          <dd>
            <span className="mono">{transaction.id}</span>{" "}
            <CopyButton text={transaction.id} what="the id" />
          </dd>
          {transaction.user_id && (
            <>
              <dt>Submitted by</dt>
              <dd className="mono">{transaction.user_id}</dd>
            </>
          )}
        </dl>
      </section>
      {metadata && Object.keys(metadata).length > 0 && (
        <section className="stack tight">
          <h3>Metadata</h3>
          <dl className="facts">
            {Object.entries(metadata).map(([key, value]) => (
              <div className="fact" key={key}>
                <dt className="mono">{key}</dt>
                <dd>{String(value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </>
  );
}
