/** Drawer: one of a list at the right of the page, in whatever state the question for it is. */
import type { ReactNode } from "react";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";
import { type PanelState, Skeleton } from "./Panel";

interface DrawerProps {
  title: string;
  state: PanelState;
  onClose: () => void;
  children: ReactNode;
}

export function Drawer({ title, state, onClose, children }: DrawerProps) {
  return (
    <Dialog title={title} isDrawer onClose={onClose}>
      {state.kind === "loading" && <Skeleton lines={8} />}
      {(state.kind === "failed" || state.kind === "stale") && (
        <Notice tone="bad" role="alert">
          <p>{state.sentence}</p>
          <button type="button" className="link-button" onClick={state.onRetry}>
            Try again
          </button>
        </Notice>
      )}
      {children}
    </Dialog>
  );
}
