/** TransactionTable: rows of transactions; each opens its details. */
import { memo } from "react";
import { Link } from "react-router";
import type { Transaction } from "../../api/types";
import { Money } from "../../components/Money";
import { Score } from "../../components/Score";
import { DecisionTag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";

interface TransactionTableProps {
  caption: string;
  transactions: readonly Transaction[];
  hasAccounts: boolean;
  /** For a narrow place: without scores. */
  isCompact?: boolean;
  /** Rows with a greater id have just arrived. */
  newAfterId?: string | undefined;
  hrefOf: (transaction: Transaction) => string;
}

export function TransactionTable(props: TransactionTableProps) {
  const { caption, transactions, hasAccounts, isCompact = false, newAfterId, hrefOf } = props;
  return (
    <div className="table-wrap">
      <table className={`table rows fixed transactions${isCompact ? " compact" : ""}`}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col" className="wide time">
              Time (UTC)
            </th>
            <th scope="col">Merchant</th>
            {hasAccounts && (
              <th scope="col" className="wide account">
                Account
              </th>
            )}
            <th scope="col" className="number amount">
              Amount
            </th>
            <th scope="col" className="wide decision">
              Decision
            </th>
            {!isCompact && (
              <th scope="col" className="wide score-column">
                Score
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {transactions.map((transaction) => (
            <Row
              key={transaction.id}
              transaction={transaction}
              hasAccounts={hasAccounts}
              isCompact={isCompact}
              isNew={newAfterId !== undefined && transaction.id > newAfterId}
              href={hrefOf(transaction)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  transaction: Transaction;
  hasAccounts: boolean;
  isCompact: boolean;
  isNew: boolean;
  href: string;
}

const Row = memo(function Row({ transaction, hasAccounts, isCompact, isNew, href }: RowProps) {
  return (
    <tr className={isNew ? "is-new" : undefined}>
      <td className="wide muted">
        <TimeUtc instant={transaction.created_at} />
      </td>
      <td>
        <Link className="row-link clip" to={href} preventScrollReset>
          {transaction.merchant}
        </Link>
        <span className="under clip">
          <TimeUtc instant={transaction.created_at} />
          {hasAccounts && ` · ${transaction.account_id}`}
        </span>
      </td>
      {hasAccounts && (
        <td className="wide">
          <span className="clip mono">{transaction.account_id}</span>
        </td>
      )}
      <td className="number">
        <Money amount={transaction.amount} currency={transaction.currency} />
        <span className="under">
          <DecisionTag decision={transaction.decision} />
        </span>
      </td>
      <td className="wide">
        <DecisionTag decision={transaction.decision} />
      </td>
      {!isCompact && (
        <td className="wide">
          <Score score={transaction.score} />
        </td>
      )}
    </tr>
  );
});
