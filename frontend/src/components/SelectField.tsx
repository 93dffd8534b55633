/** SelectField: one of a few values, each in words. */
import type { ReactNode } from "react";
import { FormField } from "./FormField";

interface SelectFieldProps<T extends string | number> {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
  choices: readonly (readonly [value: T, words: string])[];
  value: T;
  onChange: (value: T) => void;
}

export function SelectField<T extends string | number>(props: SelectFieldProps<T>) {
  const { label, hint, problem, choices, value, onChange } = props;
  return (
    <FormField label={label} hint={hint} problem={problem}>
      {(control) => (
        <select
          {...control}
          value={value}
          onChange={(event) => {
            const chosen = choices[event.target.selectedIndex];
            if (chosen) {
              onChange(chosen[0]);
            }
          }}
        >
          {choices.map(([one, words]) => (
            <option key={one} value={one}>
              {words}
            </option>
          ))}
        </select>
      )}
    </FormField>
  );
}
