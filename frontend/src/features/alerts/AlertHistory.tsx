/** AlertHistory: who did what to an alert, newest first, and what they wrote. */
import { panelStateOf } from "../../api/queries";
import type { Alert, AlertChange } from "../../api/types";
import { Panel } from "../../components/Panel";
import { TimeUtc } from "../../components/TimeUtc";
import { useAlertHistory } from "./queries";

export function AlertHistory({ alert }: { alert: Alert }) {
  const asked = useAlertHistory(alert);
  return (
    <Panel title="What was done" state={panelStateOf(asked)} skeletonLines={2}>
      <ol className="alert-history">
        {asked.data?.map((change) => (
          <li key={change.version}>
            <p className="break">
              <strong>{change.actor}</strong> {describe(change)}{" "}
              <span className="small muted">
                <TimeUtc instant={change.at} />
              </span>
            </p>
            {change.note && <p className="break">“{change.note}”</p>}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function describe(change: AlertChange): string {
  switch (change.action) {
    case "take":
      return "took it";
    case "release":
      return "gave it back";
    case "assign":
      return change.assignee ? `assigned it to ${change.assignee}` : "assigned it to nobody";
    case "note":
      return "noted";
    case "resolve":
      return `resolved it as ${change.resolution}`;
    case "reopen":
      return "took the decision back";
  }
}
