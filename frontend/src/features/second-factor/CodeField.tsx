/** CodeField: a one-time code, which the browser or a password manager may fill in. */
import { FormField } from "../../components/FormField";

interface CodeFieldProps {
  value: string;
  onChange: (value: string) => void;
  problem?: string | undefined;
  /** Whether a recovery code stands in for it here. */
  takesRecovery?: boolean;
  isFirst?: boolean;
}

export function CodeField(props: CodeFieldProps) {
  const { value, onChange, problem, takesRecovery = false, isFirst = false } = props;
  return (
    <FormField
      label="One-time code"
      problem={problem}
      hint={
        takesRecovery
          ? "The six digits that your authenticator app shows, or one of your recovery codes."
          : "The six digits that the app shows now."
      }
    >
      {(control) => (
        <input
          {...control}
          className={`${control.className} mono`}
          // biome-ignore lint/a11y/noAutofocus: it has just been asked for, and is all there is to do
          autoFocus={isFirst}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          autoComplete="one-time-code"
          inputMode={takesRecovery ? "text" : "numeric"}
          autoCapitalize="none"
          spellCheck={false}
          maxLength={64}
          required
        />
      )}
    </FormField>
  );
}
