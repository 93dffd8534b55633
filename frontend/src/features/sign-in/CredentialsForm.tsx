/** CredentialsForm: e-mail and password, with one summary of what went wrong. */
import { zodResolver } from "@hookform/resolvers/zod";
import { useEffect, useRef, useState } from "react";
import { useForm } from "react-hook-form";
import { FormField } from "../../components/FormField";
import { Notice } from "../../components/Notice";
import { PasswordField } from "../../components/PasswordField";
import {
  type Credentials,
  loginForm,
  NO_CREDENTIALS,
  PASSWORD_RULE,
  registrationForm,
} from "./form";

interface CredentialsFormProps {
  isNew: boolean;
  submitWord: string;
  /** Resolves to the sentence that says why it failed, or to nothing. */
  onSubmit: (credentials: Credentials) => Promise<string | undefined>;
}

export function CredentialsForm({ isNew, submitWord, onSubmit }: CredentialsFormProps) {
  const { register, handleSubmit, formState } = useForm<Credentials>({
    resolver: zodResolver(isNew ? registrationForm : loginForm),
    defaultValues: NO_CREDENTIALS,
    mode: "onSubmit",
  });
  const { errors, isSubmitting, submitCount } = formState;
  const [failure, setFailure] = useState<string | undefined>();
  const summary = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each failed attempt is told anew
  useEffect(() => summary.current?.focus(), [failure, submitCount]);
  return (
    <form
      className="form"
      noValidate
      onSubmit={handleSubmit(async (credentials) => {
        setFailure(undefined);
        setFailure(await onSubmit(credentials));
      })}
    >
      {failure && (
        <Notice tone="bad" role="alert" ref={summary}>
          <p>{failure}</p>
        </Notice>
      )}
      <FormField label="E-mail" problem={errors.email?.message}>
        {(control) => (
          <input
            {...control}
            {...register("email")}
            type="email"
            autoComplete={isNew ? "email" : "username"}
            autoCapitalize="none"
            spellCheck={false}
            required
          />
        )}
      </FormField>
      <PasswordField
        label="Password"
        problem={errors.password?.message}
        hint={isNew && PASSWORD_RULE}
        autoComplete={isNew ? "new-password" : "current-password"}
        field={register("password")}
      />
      <button type="submit" className="button primary wide" aria-disabled={isSubmitting}>
        {isSubmitting ? "One moment…" : submitWord}
      </button>
    </form>
  );
}
