/** Anomalies: whether load and amounts are as usual right now. */
import type { Anomaly, Forecast } from "../../api/types";
import { Tag } from "../../components/Tags";

export function Anomalies({ forecast }: { forecast: Forecast }) {
  return (
    <dl className="facts">
      <dt>Load</dt>
      <dd>
        <AnomalyLine anomaly={forecast.velocity_anomaly} />
      </dd>
      <dt>Amounts</dt>
      <dd>
        <AnomalyLine anomaly={forecast.amount_anomaly} />
      </dd>
      <dt>Fraud risk</dt>
      <dd>
        {forecast.fraud_risk_detected ? (
          <Tag tone="bad" icon="alerts" word="Detected" />
        ) : forecast.status === "ok" ? (
          <Tag tone="good" icon="check" word="None seen" />
        ) : (
          <Tag tone="neutral" icon="clock" word="Not known yet" />
        )}
      </dd>
    </dl>
  );
}

function AnomalyLine({ anomaly }: { anomaly: Anomaly }) {
  const { is_anomaly, z_score, reason } = anomaly;
  return (
    <>
      {is_anomaly ? (
        <Tag tone="warn" icon="alerts" word="Unusual" />
      ) : z_score === null ? (
        <Tag tone="neutral" icon="clock" word="Not known yet" />
      ) : (
        <Tag tone="good" icon="check" word="Usual" />
      )}
      {z_score !== null && z_score !== undefined && (
        <span className="small muted"> {z_score.toFixed(1)} σ from expected</span>
      )}
      {reason && <p className="small muted">{reason}</p>}
    </>
  );
}
