/** Removal: password and code together take the second factor away. */
import { type FormEvent, useState } from "react";
import { useAct } from "../../act";
import { problemOfField, sentenceOf } from "../../api/problem";
import { session } from "../../api/session";
import { Failure } from "../../components/Failure";
import { PasswordField } from "../../components/PasswordField";
import { CodeField } from "./CodeField";

export function Removal({ onDone }: { onDone: () => void }) {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [isTried, setIsTried] = useState(false);
  const act = useAct(
    (current: string, typed: string) => session.removeSecondFactor(current, typed),
    onDone,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsTried(true);
    if (password !== "" && code.trim() !== "") {
      act.run(password, code.trim());
    }
  };
  const problem = problemOfField(act.error, "one_time_code");
  return (
    <form className="form" noValidate onSubmit={submit}>
      {act.error !== undefined && !problem && (
        <Failure what="It is still on.">{sentenceOf(act.error)}</Failure>
      )}
      <PasswordField
        label="Current password"
        problem={isTried && password === "" ? "Enter your current password." : undefined}
        autoComplete="current-password"
        field={{ value: password, onChange: (event) => setPassword(event.target.value) }}
      />
      <CodeField
        value={code}
        onChange={setCode}
        problem={isTried && code.trim() === "" ? "Enter a code." : problem}
        takesRecovery
      />
      <div className="form-actions">
        <button type="submit" className="button bad" aria-disabled={act.isUnderWay}>
          {act.isUnderWay ? "One moment…" : "Turn off"}
        </button>
        <span className="small muted">Your other sessions end with it.</span>
      </div>
    </form>
  );
}
