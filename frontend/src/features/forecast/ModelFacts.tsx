/** ModelFacts: which model speaks, since when, and how well it did. */
import type { Forecast } from "../../api/types";
import { TimeUtc } from "../../components/TimeUtc";
import { writeLoad } from "./series";

export function ModelFacts({ forecast }: { forecast: Forecast }) {
  const { model, accuracy } = forecast;
  return (
    <dl className="facts">
      <dt>Model</dt>
      <dd>{model ? nameOf(model) : <span className="muted">none yet</span>}</dd>
      {model && (
        <>
          <dt>Trained</dt>
          <dd>
            <TimeUtc instant={model.trained_at} />
          </dd>
        </>
      )}
      <dt>Learned from</dt>
      <dd>{forecast.data_points_analyzed.toLocaleString()} minutes</dd>
      {accuracy && (
        <>
          <dt>Mean error</dt>
          <dd>
            {writeLoad(accuracy.mae)} per minute{" "}
            <span className="small muted">
              (last value repeated: {writeLoad(accuracy.naive_mae)})
            </span>
          </dd>
          <dt>In the interval</dt>
          <dd>
            {typeof accuracy.coverage === "number"
              ? `${Math.round(accuracy.coverage * 100)} % of the time`
              : "–"}{" "}
            <span className="small muted">(aims at 95 %)</span>
          </dd>
        </>
      )}
      <dt>Computed</dt>
      <dd>
        <TimeUtc instant={forecast.analyzed_at} />
      </dd>
    </dl>
  );
}

/** The model with its order, once: some names hold it already. */
function nameOf({ name, order }: NonNullable<Forecast["model"]>): string {
  return order === null || name.includes("(") ? name : `${name} (${order.join(", ")})`;
}
