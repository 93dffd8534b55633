/**
 * Acts: something that is done once, when somebody says so, and may be refused.
 *
 * What an act answers may be a secret that is shown once: unlike a mutation of the query cache it
 * lives in the state of the one component that asked, and is gone with it.
 */
import { useCallback, useRef, useState } from "react";

interface Act<A extends unknown[]> {
  /** Begins it, unless it is under way. */
  run: (...parameters: A) => void;
  isUnderWay: boolean;
  /** What the last attempt failed with. */
  error: unknown;
}

/** Runs `work` once at a time; `onDone` gets what it answered. */
export function useAct<A extends unknown[], T>(
  work: (...parameters: A) => Promise<T>,
  onDone: (answer: T, ...parameters: A) => void,
): Act<A> {
  const [isUnderWay, setIsUnderWay] = useState(false);
  const [error, setError] = useState<unknown>();
  const running = useRef(false);
  const latest = useRef({ work, onDone });
  latest.current = { work, onDone };
  const run = useCallback((...parameters: A) => {
    // A double click comes before the state has changed.
    if (running.current) {
      return;
    }
    running.current = true;
    setIsUnderWay(true);
    setError(undefined);
    latest.current
      .work(...parameters)
      .then((answer) => latest.current.onDone(answer, ...parameters))
      .catch(setError)
      .finally(() => {
        running.current = false;
        setIsUnderWay(false);
      });
  }, []);
  return { run, isUnderWay, error };
}
