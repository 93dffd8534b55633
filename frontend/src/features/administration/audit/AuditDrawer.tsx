/** AuditDrawer: all that one entry of the audit trail holds. */
import type { ReactNode } from "react";
import type { AuditEntry } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { Dialog } from "../../../components/Dialog";
import { TimeUtc } from "../../../components/TimeUtc";
import { OutcomeTag, writeActor } from "./AuditTable";
import { describeAction } from "./actions";

export function AuditDrawer({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const details = Object.entries(entry.details);
  return (
    <Dialog title={`Entry ${entry.id}`} isDrawer onClose={onClose}>
      <div className="stack tight">
        <p className="name">{describeAction(entry.action)}</p>
        <p className="tags">
          <OutcomeTag outcome={entry.outcome} />
        </p>
      </div>
      <dl className="facts">
        <dt>When</dt>
        <dd>
          <TimeUtc instant={entry.at} isExact />
        </dd>
        <dt>Action</dt>
        <dd className="mono">{entry.action}</dd>
        <dt>Who</dt>
        <dd>{writeActor(entry)}</dd>
        <Exact label="Id" text={entry.actor_id} what="the id of who did it" />
        <Exact label="To" text={entry.subject} what="the id of what it was done to" />
        <Exact label="From" text={entry.address} what="the address" />
        <Exact label="Request" text={entry.request_id} what="the request's id" />
      </dl>
      {details.length > 0 && (
        <section className="stack tight">
          <h3>Details</h3>
          <dl className="facts">
            {details.map(([name, value]) => (
              <Fact key={name} label={name}>
                {String(value)}
              </Fact>
            ))}
          </dl>
        </section>
      )}
      <section className="stack tight">
        <h3>Seal</h3>
        <p className="small muted">
          The hash of this entry and of all before it: <code>aether audit verify</code> tells when
          one of them is not what it was.
        </p>
        <p>
          <span className="mono small break">{entry.hash}</span>{" "}
          <CopyButton text={entry.hash} what="the hash" />
        </p>
      </section>
    </Dialog>
  );
}

function Exact({ label, text, what }: { label: string; text: string; what: string }) {
  return (
    text && (
      <Fact label={label}>
        <span className="mono">{text}</span> <CopyButton text={text} what={what} />
      </Fact>
    )
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
