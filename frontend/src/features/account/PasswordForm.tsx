/** PasswordForm: the current password and a new one; what is wrong is said once and at its field. */
import { zodResolver } from "@hookform/resolvers/zod";
import { useEffect, useRef, useState } from "react";
import { useForm } from "react-hook-form";
import { Refusal, sentenceOf } from "../../api/problem";
import { Notice } from "../../components/Notice";
import { PasswordField } from "../../components/PasswordField";
import { PASSWORD_RULE } from "../sign-in/form";
import { fieldOf, NO_PASSWORDS, type PasswordValues, passwordForm } from "./form";

interface PasswordFormProps {
  /** For the browser's own store of passwords. */
  email: string;
  /** Rejects with what the gateway said. */
  onChange: (currentPassword: string, newPassword: string) => Promise<void>;
}

export function PasswordForm({ email, onChange }: PasswordFormProps) {
  const { register, handleSubmit, formState, setError, reset } = useForm<PasswordValues>({
    resolver: zodResolver(passwordForm),
    defaultValues: NO_PASSWORDS,
    mode: "onSubmit",
    // The summary gets the focus: it says how many things are wrong.
    shouldFocusError: false,
  });
  const { errors, isSubmitting, submitCount } = formState;
  const [failure, setFailure] = useState<string | undefined>();
  const summary = useRef<HTMLDivElement>(null);
  const wrongCount = Object.keys(errors).length;
  const sentence = failure ?? (wrongCount > 0 ? writeSummary(wrongCount) : undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each failed attempt is told anew
  useEffect(() => summary.current?.focus(), [failure, submitCount]);
  const change = async (values: PasswordValues) => {
    setFailure(undefined);
    try {
      await onChange(values.current_password, values.new_password);
      reset();
    } catch (error) {
      for (const { field, message } of problemsOf(error)) {
        setError(field, { type: "gateway", message });
      }
      setFailure(problemsOf(error)[0]?.message ?? sentenceOf(error));
    }
  };
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        setFailure(undefined);
        void handleSubmit(change)(event);
      }}
    >
      {sentence && (
        <Notice tone="bad" role="alert" ref={summary}>
          <p>
            <strong>Your password was not changed.</strong> {sentence}
          </p>
        </Notice>
      )}
      <input type="text" autoComplete="username" value={email} readOnly hidden />
      <PasswordField
        label="Current password"
        problem={errors.current_password?.message}
        autoComplete="current-password"
        field={register("current_password")}
      />
      <PasswordField
        label="New password"
        problem={errors.new_password?.message}
        hint={PASSWORD_RULE}
        autoComplete="new-password"
        field={register("new_password")}
      />
      <div className="form-actions">
        <button type="submit" className="button primary" aria-disabled={isSubmitting}>
          {isSubmitting ? "One moment…" : "Change password"}
        </button>
        <span className="small muted">Your other sessions end with it.</span>
      </div>
    </form>
  );
}

function writeSummary(count: number): string {
  return count === 1 ? "One field needs your attention." : `${count} fields need your attention.`;
}

interface FieldFault {
  field: keyof PasswordValues;
  message: string;
}

/** What is wrong with which field; nothing when it is none of them. */
function problemsOf(error: unknown): FieldFault[] {
  if (!(error instanceof Refusal)) {
    return [];
  }
  if (error.status === 403) {
    return [{ field: "current_password", message: "This is not your current password." }];
  }
  return error.fields.flatMap(({ field, detail }) => {
    const known = fieldOf(field);
    return known ? [{ field: known, message: detail }] : [];
  });
}
