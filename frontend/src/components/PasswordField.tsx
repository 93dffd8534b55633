/** PasswordField: a password that can be looked at while it is typed, and pasted. */
import { type ComponentProps, type ReactNode, useState } from "react";
import { FormField } from "./FormField";

interface PasswordFieldProps {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
  autoComplete: "current-password" | "new-password";
  /** Name, value and events, as a form's `register` returns them. */
  field: ComponentProps<"input">;
}

export function PasswordField({ label, hint, problem, autoComplete, field }: PasswordFieldProps) {
  const [isShown, setIsShown] = useState(false);
  return (
    <FormField label={label} problem={problem} hint={hint}>
      {(control) => (
        <div className="with-button">
          <input
            {...control}
            {...field}
            type={isShown ? "text" : "password"}
            autoComplete={autoComplete}
            autoCapitalize="none"
            spellCheck={false}
            required
          />
          <button
            type="button"
            className="link-button"
            aria-pressed={isShown}
            aria-label={`Show ${label.toLowerCase()}`}
            onClick={() => setIsShown(!isShown)}
          >
            {isShown ? "Hide" : "Show"}
          </button>
        </div>
      )}
    </FormField>
  );
}
