/** SubmissionFields: the form of a new transaction. */
import { zodResolver } from "@hookform/resolvers/zod";
import { useEffect, useRef } from "react";
import { type FieldPath, useForm } from "react-hook-form";
import { type Refusal, sentenceOf } from "../../api/problem";
import type { NewTransaction } from "../../api/types";
import { FormField } from "../../components/FormField";
import { Notice } from "../../components/Notice";
import { CURRENCIES, checkAmount, currencyName, exponentOf, formatAmount } from "../../money";
import {
  bodyOfForm,
  EMPTY_FORM,
  formOfBody,
  KINDS,
  LENGTHS,
  type SubmissionForm,
  submissionForm,
} from "./form";
import "./submission.css";

interface SubmissionFieldsProps {
  ownAccount: string | undefined;
  mayChooseAccount: boolean;
  isSending: boolean;
  refusal: Refusal | undefined;
  draft: NewTransaction | undefined;
  onSubmit: (body: NewTransaction) => void;
}

const COMMON = ["USD", "EUR", "GBP", "JPY", "CHF"];

export function SubmissionFields(props: SubmissionFieldsProps) {
  const { ownAccount, mayChooseAccount, isSending, refusal, draft, onSubmit } = props;
  const form = useForm<SubmissionForm>({
    resolver: zodResolver(submissionForm),
    defaultValues: draft ? formOfBody(draft) : EMPTY_FORM,
    mode: "onTouched",
  });
  const { register, formState, setError, watch } = form;
  const { errors } = formState;
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => {
    for (const { field, detail } of refusal?.fields ?? []) {
      if (field in EMPTY_FORM) {
        setError(field as FieldPath<SubmissionForm>, { type: "gateway", message: detail });
      }
    }
    summary.current?.focus();
  }, [refusal, setError]);
  const [amount, currency] = watch(["amount", "currency"]);
  const typed = checkAmount(amount, currency).amount;
  const exponent = exponentOf(currency) ?? 2;
  const needsAccount = ownAccount === undefined;
  return (
    <form
      className="card form"
      noValidate
      onSubmit={form.handleSubmit((values) => {
        if (!isSending) {
          onSubmit(bodyOfForm(values));
        }
      })}
    >
      {refusal && (
        <Notice tone="bad" role="alert" ref={summary}>
          <p>
            <strong>Not accepted.</strong> {sentenceOf(refusal)}
          </p>
        </Notice>
      )}
      <div className="form-row amount-row">
        <FormField
          label="Amount"
          problem={errors.amount?.message}
          hint={exponent === 0 ? "Whole units" : `Such as 12.${"34567".slice(0, exponent)}`}
        >
          {(control) => (
            <input
              {...control}
              {...register("amount")}
              type="text"
              inputMode={exponent === 0 ? "numeric" : "decimal"}
              autoComplete="off"
              required
            />
          )}
        </FormField>
        <FormField label="Currency" problem={errors.currency?.message}>
          {(control) => (
            <select {...control} {...register("currency", { deps: ["amount"] })}>
              <optgroup label="Frequent">{COMMON.map(option)}</optgroup>
              <optgroup label="All">
                {CURRENCIES.filter((code) => !COMMON.includes(code)).map(option)}
              </optgroup>
            </select>
          )}
        </FormField>
      </div>
      <FormField label="Merchant" problem={errors.merchant?.message}>
        {(control) => (
          <input
            {...control}
            {...register("merchant")}
            type="text"
            autoComplete="off"
            maxLength={LENGTHS.merchant}
            required
          />
        )}
      </FormField>
      <div className="form-row">
        <FormField label="Kind">
          {(control) => (
            <select {...control} {...register("kind")}>
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {`${kind[0]?.toUpperCase()}${kind.slice(1)}`}
                </option>
              ))}
            </select>
          )}
        </FormField>
        <FormField label="Location" isOptional problem={errors.location?.message}>
          {(control) => (
            <input
              {...control}
              {...register("location")}
              type="text"
              autoComplete="off"
              maxLength={LENGTHS.location}
            />
          )}
        </FormField>
      </div>
      <FormField label="Description" isOptional problem={errors.description?.message}>
        {(control) => (
          <input
            {...control}
            {...register("description")}
            type="text"
            autoComplete="off"
            maxLength={LENGTHS.description}
          />
        )}
      </FormField>
      {mayChooseAccount && (
        <FormField
          label="Account"
          isOptional={!needsAccount}
          problem={errors.account_id?.message}
          hint={ownAccount && `Empty: your own, ${ownAccount}`}
        >
          {(control) => (
            <input
              {...control}
              {...register("account_id")}
              type="text"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              maxLength={LENGTHS.account}
            />
          )}
        </FormField>
      )}
      <output className="preview">
        {typed ? (
          <>
            You enter <strong>{formatAmount(typed)}</strong> {currencyName(currency)}.
          </>
        ) : (
          "The amount is sent exactly as it is written."
        )}
      </output>
      <div className="form-actions">
        <button type="submit" className="button primary" aria-disabled={isSending}>
          {isSending ? "Sending…" : "Submit transaction"}
        </button>
      </div>
    </form>
  );
}

function option(code: string) {
  return (
    <option key={code} value={code}>
      {code} · {currencyName(code)}
    </option>
  );
}
