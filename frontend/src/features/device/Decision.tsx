/** Decision: who asks, from where, what it would get; and the two answers. */
import { useEffect, useRef } from "react";
import { useAct } from "../../act";
import type { DeviceRequest } from "../../api/types";
import { Notice } from "../../components/Notice";
import { TimeUtc } from "../../components/TimeUtc";
import { describeScope } from "../../scopes";
import { useIdentity } from "../sign-in/session";
import { wordsOf } from "./code";
import { decide } from "./queries";

interface DecisionProps {
  code: string;
  request: DeviceRequest;
  onDecided: (outcome: "approved" | "denied") => void;
  onBack: () => void;
}

export function Decision({ code, request, onDecided, onBack }: DecisionProps) {
  const { email } = useIdentity();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const act = useAct(
    (approve: boolean) => decide(code, approve),
    (_, approve) => onDecided(approve ? "approved" : "denied"),
  );
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        Does the device in your hands show this code?
      </h2>
      <output className="device-code">{code}</output>
      {act.error !== undefined && (
        <Notice tone="bad" role="alert">
          <p>{wordsOf(act.error)}</p>
        </Notice>
      )}
      <p className="break">
        <strong>{request.client}</strong> asked at <TimeUtc instant={request.requested_at} /> from{" "}
        <span className="mono">{request.address}</span> to act as <strong>{email}</strong>. Until
        you end its session it may:
      </p>
      {request.scopes.length > 0 ? (
        <ul className="bullets">
          {request.scopes.map((scope) => (
            <li key={scope}>{describeScope(scope)}</li>
          ))}
        </ul>
      ) : (
        <p className="muted">Nothing: you may do none of what it asks for.</p>
      )}
      <div className="form-actions">
        <button
          type="button"
          className="button primary"
          aria-disabled={act.isUnderWay}
          onClick={() => act.run(true)}
        >
          Approve
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={act.isUnderWay}
          onClick={() => act.run(false)}
        >
          Deny
        </button>
        <button type="button" className="link-button" onClick={onBack}>
          Another code
        </button>
      </div>
      <p className="small muted">
        Somebody sent you this code or link? Deny: it would sign in their device as you.
      </p>
    </>
  );
}
