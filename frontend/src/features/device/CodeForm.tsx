/** CodeForm: the code that a device shows, typed by its person. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import { FormField } from "../../components/FormField";
import { readCode } from "./code";

interface CodeFormProps {
  code: string;
  isAsking: boolean;
  /** Why the last code led to nothing. */
  failure: string | undefined;
  onCode: (code: string) => void;
}

export function CodeForm({ code, isAsking, failure, onCode }: CodeFormProps) {
  const [typed, setTyped] = useState(code);
  const [isWrong, setIsWrong] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (failure !== undefined) {
      input.current?.focus();
    }
  }, [failure]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readCode(typed);
    setIsWrong(read === undefined);
    if (read === undefined) {
      input.current?.focus();
    } else if (!isAsking) {
      onCode(read);
    }
  };
  return (
    <form className="form" noValidate onSubmit={submit}>
      <FormField
        label="Code"
        hint="The eight letters that the device shows, such as BCDF-GHJK."
        problem={isWrong ? "Enter the eight letters of the code." : failure}
      >
        {(control) => (
          <input
            {...control}
            ref={input}
            className={`${control.className} device-code`}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            maxLength={16}
          />
        )}
      </FormField>
      <div className="form-actions">
        <button type="submit" className="button primary" aria-disabled={isAsking}>
          {isAsking ? "One moment…" : "Continue"}
        </button>
        <span className="small muted">Nothing is approved yet.</span>
      </div>
    </form>
  );
}
