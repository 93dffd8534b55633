/** CopyButton: puts an exact text on the clipboard. */
import { useEffect, useState } from "react";
import { Icon } from "./Icon";

interface CopyButtonProps {
  text: string;
  what: string;
  /** With the word beside the icon, where it is the thing to do. */
  hasWord?: boolean;
  /** Takes the focus when its dialog opens. */
  isFirst?: boolean;
}

export function CopyButton({ text, what, hasWord = false, isFirst = false }: CopyButtonProps) {
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
      <button
        type="button"
        className={hasWord ? "button" : "link-button"}
        aria-label={`Copy ${what}`}
        data-first={isFirst || undefined}
        onClick={copy}
      >
        <Icon name={outcome === "copied" ? "check" : "copy"} />
        {hasWord && "Copy"}
      </button>
      <span role="status" className="small muted">
        {outcome === "copied" && " Copied"}
        {outcome === "failed" && " Select it to copy"}
      </span>
    </>
  );
}
