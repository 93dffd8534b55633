/** Burst: the transactions that an alert is about, when they are several. */
import { panelStateOf } from "../../api/queries";
import type { Alert } from "../../api/types";
import { Panel } from "../../components/Panel";
import { TransactionTable } from "../transactions/TransactionTable";
import { BURST_SHOWN, useBurst } from "./queries";

export function Burst({ alert }: { alert: Alert }) {
  const asked = useBurst(alert);
  const hidden = alert.transaction_count - BURST_SHOWN;
  return (
    <Panel title="The burst" state={panelStateOf(asked)} isFlush skeletonLines={3}>
      <TransactionTable
        caption="The alert's transactions, newest first"
        transactions={asked.data ?? []}
        hasAccounts={false}
        isCompact
        hrefOf={(transaction) => `/transactions?transaction=${transaction.id}`}
      />
      {hidden > 0 && (
        <p className="small muted burst-more">
          And {hidden.toLocaleString("en")} before them: a decision is about all of them.
        </p>
      )}
    </Panel>
  );
}
