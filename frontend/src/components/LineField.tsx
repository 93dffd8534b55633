/** LineField: one line of text, the first thing to fill in of its dialog. */
import type { ReactNode } from "react";
import { FormField } from "./FormField";

interface LineFieldProps {
  label: string;
  hint?: ReactNode;
  problem: string | undefined;
  lengthMax: number;
  value: string;
  onChange: (value: string) => void;
}

export function LineField({ label, hint, problem, lengthMax, value, onChange }: LineFieldProps) {
  return (
    <FormField label={label} hint={hint} problem={problem}>
      {(control) => (
        <input
          {...control}
          type="text"
          data-first
          required
          autoComplete="off"
          maxLength={lengthMax}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </FormField>
  );
}
