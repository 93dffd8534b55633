/** CodeForm: the one-time code of an account that asks for it besides the password. */
import { useState } from "react";
import { useAct } from "../../act";
import { sentenceOf } from "../../api/problem";
import { Failure } from "../../components/Failure";
import { CodeField } from "../second-factor/CodeField";

interface CodeFormProps {
  /** Rejects with what the gateway said. */
  onCode: (code: string) => Promise<void>;
  onBack: () => void;
}

export function CodeForm({ onCode, onBack }: CodeFormProps) {
  const [code, setCode] = useState("");
  const [isMissing, setIsMissing] = useState(false);
  const act = useAct(onCode, () => undefined);
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const typed = code.trim();
        setIsMissing(typed === "");
        if (typed !== "") {
          act.run(typed);
        }
      }}
    >
      {act.error !== undefined && (
        <Failure what="You are not signed in.">{sentenceOf(act.error)}</Failure>
      )}
      <CodeField
        value={code}
        onChange={setCode}
        problem={isMissing ? "Enter a code." : undefined}
        takesRecovery
        isFirst
      />
      <button type="submit" className="button primary wide" aria-disabled={act.isUnderWay}>
        {act.isUnderWay ? "One moment…" : "Sign in"}
      </button>
      <button type="button" className="link-button" onClick={onBack}>
        Back
      </button>
    </form>
  );
}
