/** TransactionDrawer: asks for one transaction and shows it at the right of the page. */
import { panelStateOf } from "../../api/queries";
import type { Transaction } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Notice } from "../../components/Notice";
import { Skeleton } from "../../components/Panel";
import { useTransaction } from "./queries";
import { TransactionDetails } from "./TransactionDetails";

interface TransactionDrawerProps {
  id: string;
  /** What a list holds already. */
  known: Transaction | undefined;
  onClose: () => void;
}

export function TransactionDrawer({ id, known, onClose }: TransactionDrawerProps) {
  const asked = useTransaction(id, known);
  const state = panelStateOf(asked);
  return (
    <Dialog title="Transaction" isDrawer onClose={onClose}>
      {state.kind === "loading" && <Skeleton lines={8} />}
      {(state.kind === "failed" || state.kind === "stale") && (
        <Notice tone="bad" role="alert">
          <p>{state.sentence}</p>
          <button type="button" className="link-button" onClick={state.onRetry}>
            Try again
          </button>
        </Notice>
      )}
      {asked.data && <TransactionDetails transaction={asked.data} />}
    </Dialog>
  );
}
