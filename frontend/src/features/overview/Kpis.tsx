/** Kpis: the few numbers that say how things stand. */
import type { ReactNode } from "react";
import { Sparkline } from "../../components/Sparkline";

export interface Kpi {
  label: string;
  /** Undefined while it is not known. */
  value: string | undefined;
  unit?: string;
  detail?: ReactNode;
  curve?: readonly number[];
}

export function Kpis({ kpis }: { kpis: readonly Kpi[] }) {
  return (
    <dl className="kpis">
      {kpis.map((kpi) => (
        <div className="kpi" key={kpi.label}>
          <dt>{kpi.label}</dt>
          <dd className="value">
            {kpi.value ?? "–"} {kpi.unit && <span className="unit">{kpi.unit}</span>}
          </dd>
          <dd className="detail">
            {kpi.detail}
            {kpi.curve && <Sparkline values={kpi.curve} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}
