/** ResolveDialog: asks for the reason of a decision; nothing is sent without one. */
import { type FormEvent, useState } from "react";
import { Refusal, sentenceOf } from "../../api/problem";
import type { Alert, Resolution } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { LineField } from "../../components/LineField";
import { Money } from "../../components/Money";
import { Notice } from "../../components/Notice";

interface ResolveDialogProps {
  alert: Alert;
  resolution: Resolution;
  isSending: boolean;
  error: Error | null;
  onResolve: (note: string) => void;
  onClose: () => void;
}

export const NOTE_LENGTH_MAX = 500;

// What is written most often; a click is quicker than the words.
const USUAL: Readonly<Record<Resolution, readonly string[]>> = {
  fraud: ["Customer denies it", "Card reported stolen", "Known pattern"],
  legitimate: ["Customer confirmed it", "Usual for this account", "Planned purchase"],
};

export function ResolveDialog(props: ResolveDialogProps) {
  const { alert, resolution, isSending, error, onResolve, onClose } = props;
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<string | undefined>();
  const isFraud = resolution === "fraud";
  const isTaken = error instanceof Refusal && error.status === 409;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const reason = note.trim();
    setProblem(reason ? undefined : "Write why: whoever looks at it later will ask.");
    if (reason && !isSending) {
      onResolve(reason);
    }
  };
  return (
    <Dialog title={isFraud ? "Confirm fraud" : "Mark as legitimate"} onClose={onClose}>
      <p className="break">
        <Money amount={alert.amount} currency={alert.currency} /> at{" "}
        <strong>{alert.merchant}</strong>, account <span className="mono">{alert.account_id}</span>.
        It can be taken back for a few minutes.
      </p>
      {error && (
        <Notice tone={isTaken ? "warn" : "bad"} role="alert">
          <p>{isTaken ? `Somebody else was quicker. ${error.message}` : sentenceOf(error)}</p>
        </Notice>
      )}
      {isTaken ? (
        <div className="form-actions">
          <button type="button" className="button primary" onClick={onClose}>
            Show the decision
          </button>
        </div>
      ) : (
        <form className="form" onSubmit={submit} noValidate>
          <LineField
            label="Reason"
            problem={problem}
            lengthMax={NOTE_LENGTH_MAX}
            value={note}
            onChange={setNote}
          />
          <div className="form-actions">
            {USUAL[resolution].map((reason) => (
              <button type="button" className="button" key={reason} onClick={() => setNote(reason)}>
                {reason}
              </button>
            ))}
          </div>
          <div className="form-actions">
            <button
              type="submit"
              className={`button ${isFraud ? "bad" : "good"}`}
              aria-disabled={isSending}
            >
              {isSending ? "Sending…" : isFraud ? "Confirm fraud" : "Mark as legitimate"}
            </button>
            <button type="button" className="button quiet" onClick={onClose}>
              Cancel
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
