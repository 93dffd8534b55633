/** CopyButton: puts an exact text on the clipboard. */
import { useEffect, useState } from "react";
import { Icon } from "./Icon";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [outcome, setOutcome] = useState<"none" | "copied" | "failed">("none");
  useEffect(() => {
    if (outcome === "none") {
      return undefined;
    }
    const timer = setTimeout(() => setOutcome("none"), 2_000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      setOutcome("failed");
    }
  };
  return (
    <>
      <button type="button" className="link-button" aria-label={`Copy ${what}`} onClick={copy}>
        <Icon name={outcome === "copied" ? "check" : "copy"} />
      </button>
      <span role="status" className="small muted">
        {outcome === "copied" && " Copied"}
        {outcome === "failed" && " Select it to copy"}
      </span>
    </>
  );
}
