/** FilterForm: narrows a list down; choices act at once, words when they are entered. */
import { type FormEvent, type ReactNode, useEffect, useRef } from "react";

interface FilterFormProps {
  /** What stands in the address. */
  values: Readonly<Record<string, string | undefined>>;
  onApply: (values: Readonly<Record<string, string>>) => void;
  /** Controls named as the filters are. */
  children: ReactNode;
}

export function FilterForm({ values, onApply, children }: FilterFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const applied = JSON.stringify(values);
  // The address is the truth; the controls follow it (a link, the Back button) and keep the focus.
  useEffect(() => {
    const known = JSON.parse(applied) as Record<string, string | undefined>;
    for (const control of form.current?.elements ?? []) {
      if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) {
        control.value = known[control.name] ?? "";
      }
    }
  }, [applied]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget)];
    onApply(Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()])));
  };
  const clear = () => onApply(Object.fromEntries(Object.keys(values).map((name) => [name, ""])));
  return (
    <search>
      <form
        ref={form}
        className="list-filters"
        onSubmit={submit}
        onChange={(event) => {
          if (event.target instanceof HTMLSelectElement) {
            event.currentTarget.requestSubmit();
          }
        }}
      >
        {children}
        <button type="submit" className="button">
          Filter
        </button>
        {applied !== "{}" && (
          <button type="button" className="button quiet" onClick={clear}>
            Clear
          </button>
        )}
      </form>
    </search>
  );
}

interface TextFilterProps {
  name: string;
  label: string;
  type?: "search" | "email";
}

export function TextFilter({ name, label, type = "search" }: TextFilterProps) {
  return (
    <input
      className="input words"
      type={type}
      name={name}
      aria-label={label}
      placeholder={label}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
    />
  );
}

interface ChoiceFilterProps {
  name: string;
  label: string;
  /** Words of "any". */
  anyWord: string;
  choices: readonly (readonly [value: string, words: string])[];
  /** What the address holds, if it is none of the choices it is offered as well. */
  value: string | undefined;
}

export function ChoiceFilter({ name, label, anyWord, choices, value }: ChoiceFilterProps) {
  return (
    <select className="input" name={name} aria-label={label}>
      <option value="">{anyWord}</option>
      {choices.map(([choice, words]) => (
        <option key={choice} value={choice}>
          {words}
        </option>
      ))}
      {value && !choices.some(([choice]) => choice === value) && (
        <option value={value}>{value}</option>
      )}
    </select>
  );
}
