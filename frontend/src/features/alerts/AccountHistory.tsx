/** AccountHistory: what else the account did lately, to see an alert among its usual transactions. */
import { Link } from "react-router";
import { panelStateOf } from "../../api/queries";
import { Panel } from "../../components/Panel";
import { useTransactions } from "../transactions/queries";
import { TransactionTable } from "../transactions/TransactionTable";

const SHOWN_COUNT = 8;

export function AccountHistory({ accountId }: { accountId: string }) {
  const asked = useTransactions({ account_id: accountId }, null);
  return (
    <Panel
      title="Lately on this account"
      state={panelStateOf(asked, (page) =>
        page.items.length > 0
          ? undefined
          : { kind: "empty", icon: "transactions", title: "Nothing else" },
      )}
      isFlush
      skeletonLines={SHOWN_COUNT}
      actions={
        <Link
          className="button quiet"
          to={`/transactions?${new URLSearchParams({ account_id: accountId })}`}
        >
          All of it
        </Link>
      }
    >
      <TransactionTable
        caption="The account's latest transactions, newest first"
        transactions={asked.data?.items.slice(0, SHOWN_COUNT) ?? []}
        hasAccounts={false}
        isCompact
        hrefOf={(transaction) => `/transactions?transaction=${transaction.id}`}
      />
    </Panel>
  );
}
