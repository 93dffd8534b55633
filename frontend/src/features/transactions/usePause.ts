/** usePause: holds a live list still, and counts what arrives meanwhile. */
import { useState } from "react";
import type { Transaction } from "../../api/types";

export interface Pausable {
  rows: readonly Transaction[];
  isPaused: boolean;
  newCount: number;
  toggle: () => void;
}

export function usePause(live: readonly Transaction[]): Pausable {
  const [frozen, setFrozen] = useState<readonly Transaction[] | undefined>();
  const rows = frozen ?? live;
  const newest = frozen?.[0]?.id ?? "";
  return {
    rows,
    isPaused: frozen !== undefined,
    newCount: frozen ? live.filter((transaction) => transaction.id > newest).length : 0,
    toggle: () => setFrozen(frozen ? undefined : live),
  };
}
