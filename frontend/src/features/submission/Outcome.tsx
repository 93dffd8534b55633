/** Outcome: what became of a submission: being sent, being asked for, or accepted. */
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import type { Transaction } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Money } from "../../components/Money";
import { Notice } from "../../components/Notice";
import { useNow } from "../../now";
import { TransactionDetails } from "../transactions/TransactionDetails";
import type { SubmissionState } from "./submission";

interface CheckingProps {
  state: Extract<SubmissionState, { step: "checking" }>;
  onCheckNow: () => void;
  onGiveUp: () => void;
}

export function Checking({ state, onCheckNow, onGiveUp }: CheckingProps) {
  const nowMs = useNow(500);
  const seconds = Math.max(0, Math.ceil((state.retryAtMs - nowMs) / 1000));
  return (
    <div className="card stack" aria-busy="true">
      <Notice tone="warn" role="status">
        <p>
          <strong>Checking</strong>: the gateway has not answered, so nobody knows yet whether it
          was taken.
        </p>
        <p>
          The same request is sent again with the same key until there is an answer. It cannot be
          entered twice.
        </p>
      </Notice>
      <p>
        <Money amount={state.body.amount} currency={state.body.currency ?? "USD"} /> at{" "}
        <strong className="break">{state.body.merchant}</strong>
      </p>
      <div className="form-actions">
        <button
          type="button"
          className="button"
          aria-disabled={state.isAsking}
          onClick={onCheckNow}
        >
          <Icon name="retry" /> Check now
        </button>
        <span className="muted">
          {state.isAsking ? `Asking, attempt ${state.attempt}…` : `Next attempt in ${seconds} s`}
        </span>
      </div>
      <p>
        <button type="button" className="link-button" onClick={onGiveUp}>
          Stop checking
        </button>
      </p>
    </div>
  );
}

interface AcceptedProps {
  transaction: Transaction;
  wasReplayed: boolean;
  onStartOver: () => void;
}

export function Accepted({ transaction, wasReplayed, onStartOver }: AcceptedProps) {
  const notice = useRef<HTMLDivElement>(null);
  useEffect(() => notice.current?.focus(), []);
  return (
    <div className="card stack">
      <Notice tone="good" ref={notice} role="status">
        <p>
          <strong>Accepted.</strong>{" "}
          {wasReplayed
            ? "It had been taken before the answer was lost; it was entered once."
            : "It is safe on disk."}
        </p>
      </Notice>
      <TransactionDetails transaction={transaction} />
      <div className="form-actions">
        <button type="button" className="button primary" onClick={onStartOver}>
          <Icon name="plus" /> Another one
        </button>
        <Link className="button" to="/transactions">
          History
        </Link>
      </div>
    </div>
  );
}
