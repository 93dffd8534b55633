/** ShadowComparison: what a version would have decided, beside what was decided. */
import { Link } from "react-router";
import { panelStateOf } from "../../api/queries";
import type { Comparison } from "../../api/types";
import { Panel } from "../../components/Panel";
import { DecisionTag } from "../../components/Tags";
import { useComparison } from "./queries";
import { writeHours, writeRate, writeShare } from "./words";

export function ShadowComparison({ number }: { number: number }) {
  const asked = useComparison(number);
  return (
    <Panel
      title={`Version ${number} beside what was live`}
      state={panelStateOf(asked)}
      skeletonLines={6}
      foot={
        <p className="small muted">
          Only what was flagged is ever resolved: of what the shadow flags beyond that, this says
          how much it is, not whether it is fraud.
        </p>
      }
    >
      {asked.data && <Compared found={asked.data} />}
    </Panel>
  );
}

function Compared({ found }: { found: Comparison }) {
  const differing = found.counts.filter((one) => one.live !== one.shadow);
  return (
    <div className="stack">
      <p>
        {found.transaction_count.toLocaleString("en")} transactions in {writeHours(found.hours)}
        {found.ended_at === null && ", and it goes on"}.
      </p>
      <table className="table">
        <caption className="visually-hidden">The live version and the shadow</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">What</span>
            </th>
            <th scope="col">Live</th>
            <th scope="col">Shadow</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Flagged an hour</th>
            <td className="mono">{writeRate(found.live_flagged_per_hour)}</td>
            <td className="mono">{writeRate(found.shadow_flagged_per_hour)}</td>
          </tr>
          <tr>
            <th scope="row">Frauds among the resolved</th>
            <td className="mono">{writeShare(found.live_precision)}</td>
            <td className="mono">{writeShare(found.shadow_precision)}</td>
          </tr>
        </tbody>
      </table>
      <ul className="plain">
        {differing.map((one) => (
          <li key={`${one.live} ${one.shadow}`}>
            <DecisionTag decision={one.live} /> would be <DecisionTag decision={one.shadow} />:{" "}
            {one.transaction_count.toLocaleString("en")}
          </li>
        ))}
        {found.resolved
          .filter((one) => !one.is_kept)
          .map((one) => (
            <li key={`${one.currency} ${one.resolution}`}>
              {one.resolution === "fraud" ? "Frauds that it would miss" : "False alarms it spares"}:{" "}
              {one.transaction_count.toLocaleString("en")}, {one.amount} {one.currency}
            </li>
          ))}
      </ul>
      {found.differences.length > 0 && (
        <details>
          <summary>Transactions of which the two think otherwise</summary>
          <ul className="plain">
            {found.differences.map((one) => (
              <li key={one.transaction_id}>
                <Link className="mono break" to={`/transactions?transaction=${one.transaction_id}`}>
                  {one.transaction_id}
                </Link>{" "}
                {one.live} → {one.shadow}, {one.shadow_score.toFixed(3)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
