/** AlertActs: decide an alert, keep it to oneself meanwhile, pass it on, write something down. */
import { useState } from "react";
import { sentenceOf } from "../../api/problem";
import type { Alert, Resolution } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { TimeUtc } from "../../components/TimeUtc";
import { useToast } from "../../components/Toaster";
import { useNow } from "../../now";
import { NoteDialog } from "./NoteDialog";
import { type AlertAct, useActOnAlert } from "./queries";
import { ResolveDialog } from "./ResolveDialog";

interface AlertActsProps {
  alert: Alert;
  /** The visitor's e-mail address. */
  myself: string;
}

const DONE: Readonly<Record<AlertAct["kind"], string>> = {
  take: "It is yours for now",
  release: "Given back to the queue",
  reopen: "Taken back: the alert is open again",
  assign: "The alert's owner is changed",
  note: "The note is kept",
  resolve: "Resolved",
};

export function AlertActs({ alert, myself }: AlertActsProps) {
  const acting = useActOnAlert();
  const toast = useToast();
  const [asking, setAsking] = useState<Resolution | "note" | undefined>();
  const nowMs = useNow(1_000);
  const close = () => {
    setAsking(undefined);
    acting.reset();
  };
  const run = (act: AlertAct) => {
    if (!acting.isPending) {
      const onSuccess = () => {
        close();
        toast("check", act.kind === "resolve" ? `Resolved as ${act.resolution}` : DONE[act.kind]);
      };
      acting.mutate({ alert, act }, { onSuccess });
    }
  };
  // As the gateway sees it: a lock that is over needs nobody to take it away.
  const isTaken = alert.state === "taken" && Date.parse(alert.taken_until ?? "") > nowMs;
  const isMine = isTaken && alert.taken_by === myself;
  const isOthers = isTaken && !isMine;
  return (
    <>
      {isOthers && (
        <Notice tone="info">
          <p className="break">
            {alert.taken_by} works on it until <TimeUtc instant={alert.taken_until} />.
          </p>
        </Notice>
      )}
      {acting.error && !asking && (
        <Notice tone="warn" role="alert">
          <p>{sentenceOf(acting.error)}</p>
        </Notice>
      )}
      {alert.status === "open" && !isOthers && (
        <div className="form-actions">
          <button type="button" className="button bad" onClick={() => setAsking("fraud")}>
            <Icon name="cross" /> Confirm fraud
          </button>
          <button type="button" className="button good" onClick={() => setAsking("legitimate")}>
            <Icon name="check" /> Legitimate
          </button>
        </div>
      )}
      <div className="form-actions">
        {alert.status === "open" && !isTaken && (
          <button type="button" className="button" onClick={() => run({ kind: "take" })}>
            Take
          </button>
        )}
        {isMine && (
          <button type="button" className="button" onClick={() => run({ kind: "release" })}>
            Release
          </button>
        )}
        {alert.status === "open" && !isOthers && alert.assignee !== myself && (
          <button
            type="button"
            className="button"
            onClick={() => run({ kind: "assign", assignee: myself })}
          >
            Assign to me
          </button>
        )}
        {alert.status === "open" && !isOthers && alert.assignee === myself && (
          <button
            type="button"
            className="button"
            onClick={() => run({ kind: "assign", assignee: null })}
          >
            Not mine
          </button>
        )}
        {alert.status === "resolved" && (
          <button type="button" className="button" onClick={() => run({ kind: "reopen" })}>
            Take the decision back
          </button>
        )}
        <button type="button" className="button quiet" onClick={() => setAsking("note")}>
          Add a note
        </button>
        {isMine && (
          <span className="small muted">
            Yours until <TimeUtc instant={alert.taken_until} />
          </span>
        )}
      </div>
      {asking === "note" && (
        <NoteDialog
          isSending={acting.isPending}
          error={acting.error}
          onNote={(note) => run({ kind: "note", note })}
          onClose={close}
        />
      )}
      {asking && asking !== "note" && (
        <ResolveDialog
          alert={alert}
          resolution={asking}
          isSending={acting.isPending}
          error={acting.error}
          onResolve={(note) => run({ kind: "resolve", resolution: asking, note })}
          onClose={close}
        />
      )}
    </>
  );
}
