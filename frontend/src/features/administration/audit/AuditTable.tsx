/** AuditTable: one line an entry; it opens all that is known of it. */
import type { AuditEntry } from "../../../api/types";
import { Tag } from "../../../components/Tags";
import { TimeUtc } from "../../../components/TimeUtc";
import { describeAction } from "./actions";

interface AuditTableProps {
  entries: readonly AuditEntry[];
  onOpen: (entry: AuditEntry) => void;
}

export function AuditTable({ entries, onOpen }: AuditTableProps) {
  return (
    <div className="table-wrap">
      <table className="table rows fixed audit">
        <caption className="visually-hidden">Audit trail, newest first</caption>
        <thead>
          <tr>
            <th scope="col" className="wide time">
              Time (UTC)
            </th>
            <th scope="col" className="wide">
              Who
            </th>
            <th scope="col">What</th>
            <th scope="col" className="wide subject">
              To
            </th>
            <th scope="col" className="wide address">
              From
            </th>
            <th scope="col" className="outcome">
              Outcome
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td className="wide muted">
                <TimeUtc instant={entry.at} />
              </td>
              <td className="wide">
                <span className="clip">{writeActor(entry)}</span>
              </td>
              <td>
                <button type="button" className="row-link clip" onClick={() => onOpen(entry)}>
                  {describeAction(entry.action)}
                </button>
                <span className="under clip">{writeActor(entry)}</span>
                <span className="under clip">
                  <TimeUtc instant={entry.at} />
                  {entry.address && ` from ${entry.address}`}
                </span>
              </td>
              <td className="wide">
                <span className="clip mono muted">{entry.subject || "–"}</span>
              </td>
              <td className="wide">
                <span className="clip mono muted">{entry.address || "–"}</span>
              </td>
              <td>
                <OutcomeTag outcome={entry.outcome} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function OutcomeTag({ outcome }: { outcome: AuditEntry["outcome"] }) {
  return outcome === "failure" ? (
    <Tag tone="bad" icon="cross" word="Failed" />
  ) : (
    <Tag tone="plain" icon="check" word="Done" />
  );
}

/** By name; by kind and id where there is none. */
export function writeActor(entry: AuditEntry): string {
  if (entry.actor_name) {
    return entry.actor_kind === "client" ? `${entry.actor_name} (client)` : entry.actor_name;
  }
  return entry.actor_kind === "anonymous"
    ? "Somebody not signed in"
    : [entry.actor_kind, entry.actor_id].filter(Boolean).join(" ");
}
