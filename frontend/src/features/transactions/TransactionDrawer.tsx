/** TransactionDrawer: asks for one transaction and shows it at the right of the page. */
import { panelStateOf } from "../../api/queries";
import type { Transaction } from "../../api/types";
import { Drawer } from "../../components/Drawer";
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
  return (
    <Drawer title="Transaction" state={panelStateOf(asked)} onClose={onClose}>
      {asked.data && <TransactionDetails transaction={asked.data} />}
    </Drawer>
  );
}
