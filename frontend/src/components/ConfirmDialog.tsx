/** ConfirmDialog: says who and what is meant before it is done, and why it was not done. */
import type { ReactNode } from "react";
import { sentenceOf } from "../api/problem";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

interface ConfirmDialogProps {
  title: string;
  /** The verb of the act, as on the button that asked for it. */
  confirmWord: string;
  tone?: "bad" | "primary";
  isSending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  /** Who is meant, and what it brings about. */
  children: ReactNode;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, confirmWord, tone = "bad", isSending, error, onConfirm, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      {props.children}
      {error !== undefined && (
        <Notice tone="bad" role="alert">
          <p>{sentenceOf(error)}</p>
        </Notice>
      )}
      <div className="form-actions">
        <button
          type="button"
          className={`button ${tone}`}
          aria-disabled={isSending}
          data-first={tone === "primary" || undefined}
          onClick={onConfirm}
        >
          {isSending ? "One moment…" : confirmWord}
        </button>
        {/* What cannot be taken back is not one more press of Enter away. */}
        <button
          type="button"
          className="button quiet"
          data-first={tone === "bad" || undefined}
          onClick={onClose}
        >
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
