/** Failure: why something was not done; it takes the focus when it appears. */
import { type ReactNode, useEffect, useRef } from "react";
import { Notice } from "./Notice";

interface FailureProps {
  /** What did not come about. */
  what: string;
  /** Why. */
  children: ReactNode;
}

export function Failure({ what, children }: FailureProps) {
  const notice = useRef<HTMLDivElement>(null);
  useEffect(() => notice.current?.focus(), []);
  return (
    <Notice tone="bad" role="alert" ref={notice}>
      <p>
        <strong>{what}</strong> {children}
      </p>
    </Notice>
  );
}
