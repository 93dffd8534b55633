/** Announcer: tells screen readers how many rows came, at most every ten seconds. */
import { useEffect, useRef, useState } from "react";

const ANNOUNCE_MS = 10_000;

export function Announcer({
  newestId,
  count,
}: {
  newestId: string;
  count: (after: string) => number;
}) {
  const [text, setText] = useState("");
  const announced = useRef(newestId);
  const latest = useRef({ newestId, count });
  latest.current = { newestId, count };
  useEffect(() => {
    const timer = setInterval(() => {
      const arrived = latest.current.count(announced.current);
      announced.current = latest.current.newestId;
      if (arrived > 0) {
        setText(`${arrived} new ${arrived === 1 ? "transaction" : "transactions"}`);
      }
    }, ANNOUNCE_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="visually-hidden" role="status">
      {text}
    </p>
  );
}
