/** FormField: a label, its control, a hint and a problem, tied together for screen readers. */
import type { ReactNode } from "react";
import { useId } from "react";
import { Icon } from "./Icon";

/** What the control must carry. */
export interface ControlProps {
  id: string;
  className: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
}

interface FormFieldProps {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
  isOptional?: boolean;
  children: (control: ControlProps) => ReactNode;
}

export function FormField({ label, hint, problem, isOptional = false, children }: FormFieldProps) {
  const id = useId();
  const [hintId, problemId] = [`${id}-hint`, `${id}-problem`];
  const describedBy = [hint ? hintId : "", problem ? problemId : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {isOptional && <span className="optional">(optional)</span>}
      </label>
      {children({
        id,
        className: "input",
        "aria-describedby": describedBy || undefined,
        "aria-invalid": Boolean(problem),
      })}
      {hint && (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
      {problem && (
        <p className="problem" id={problemId}>
          <Icon name="alerts" />
          {problem}
        </p>
      )}
    </div>
  );
}
