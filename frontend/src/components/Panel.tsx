/**
 * Panel: a titled part of a page that is always in one of the designed states: loading, empty,
 * failed, ready, or stale (the last good content, dimmed, with its age and a retry).
 */
import type { ReactNode } from "react";
import { useId } from "react";
import { useNow } from "../now";
import { writeAge } from "../time";
import { Icon, type IconName } from "./Icon";

export type PanelState =
  | { kind: "loading" }
  | { kind: "failed"; sentence: string; onRetry: () => void }
  | { kind: "empty"; icon?: IconName; title: string; children?: ReactNode }
  | { kind: "ready" }
  | { kind: "stale"; sinceMs: number; sentence: string; onRetry: () => void };

interface PanelProps {
  title: string;
  state: PanelState;
  /** Controls at the right of the title. */
  actions?: ReactNode;
  foot?: ReactNode;
  /** Content reaches the panel's edges, as tables do. */
  isFlush?: boolean;
  /** Lines of the skeleton: about as tall as what will come, so that nothing jumps. */
  skeletonLines?: number;
  /** Room for a chart, its legend and its sentence, from the beginning. */
  reserves?: "chart" | "tall-chart";
  children: ReactNode;
}

export function Panel(props: PanelProps) {
  const { title, state, actions, foot, isFlush = false, skeletonLines = 5, reserves } = props;
  const titleId = useId();
  const hasContent = state.kind === "ready" || state.kind === "stale";
  return (
    <section
      className={`panel${reserves ? ` for-${reserves}` : ""}`}
      aria-labelledby={titleId}
      aria-busy={state.kind === "loading"}
    >
      <div className="panel-head">
        <h2 id={titleId}>{title}</h2>
        {state.kind === "stale" && <StaleMark state={state} />}
        {actions && <div className="end">{actions}</div>}
      </div>
      {state.kind === "loading" && <Skeleton lines={skeletonLines} />}
      {state.kind === "failed" && <Failure sentence={state.sentence} onRetry={state.onRetry} />}
      {state.kind === "empty" && (
        <div className="slot">
          <Icon name={state.icon ?? "check"} />
          <strong>{state.title}</strong>
          {state.children}
        </div>
      )}
      {hasContent && (
        <div
          className={`panel-body${isFlush ? " flush" : ""}${state.kind === "stale" ? " is-stale" : ""}`}
        >
          {props.children}
        </div>
      )}
      {hasContent && foot && <div className="panel-foot">{foot}</div>}
    </section>
  );
}

export function Skeleton({ lines }: { lines: number }) {
  return (
    <div className="skeleton">
      <p className="visually-hidden">Loading…</p>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of a skeleton have no identity
        <span key={line} />
      ))}
    </div>
  );
}

function Failure({ sentence, onRetry }: { sentence: string; onRetry: () => void }) {
  return (
    <div className="slot bad" role="alert">
      <Icon name="alerts" />
      <p>{sentence}</p>
      <button type="button" className="button" onClick={onRetry}>
        <Icon name="retry" /> Try again
      </button>
    </div>
  );
}

function StaleMark({ state }: { state: Extract<PanelState, { kind: "stale" }> }) {
  const nowMs = useNow(1_000);
  return (
    <span className="tag warn" title={state.sentence}>
      <Icon name="clock" />
      Stale, {writeAge(nowMs - state.sinceMs)} old
      <button type="button" className="link-button" onClick={state.onRetry}>
        Retry
      </button>
    </span>
  );
}
