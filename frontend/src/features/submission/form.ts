/** The form's shape: what is typed, and what it becomes for the gateway, which judges again. */
import * as z from "zod/mini";
import type { NewTransaction } from "../../api/types";
import { checkAmount } from "../../money";

export const KINDS = ["purchase", "transfer", "withdrawal", "deposit", "refund"] as const;
/** Characters, as the gateway counts them. */
export const LENGTHS = { merchant: 140, location: 140, description: 500, account: 64 } as const;

const text = (most: number) =>
  z.string().check(
    z.trim(),
    z.maxLength(most, `At most ${most} characters.`),
    z.refine((value) => !/\p{Cc}/u.test(value), "Control characters are not taken."),
  );

export const submissionForm = z
  .object({
    amount: z.string(),
    currency: z.string(),
    merchant: text(LENGTHS.merchant).check(z.minLength(1, "Enter the merchant.")),
    kind: z.enum(KINDS),
    location: text(LENGTHS.location),
    description: text(LENGTHS.description),
    account_id: z
      .string()
      .check(
        z.trim(),
        z.regex(/^$|^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, "Letters, digits and . _ : - are taken."),
      ),
  })
  .check((context) => {
    const { amount, currency } = context.value;
    const { problem } = checkAmount(amount, currency);
    if (problem) {
      context.issues.push({ code: "custom", input: amount, path: ["amount"], message: problem });
    }
  });

export type SubmissionForm = z.infer<typeof submissionForm>;

export const EMPTY_FORM: SubmissionForm = {
  amount: "",
  currency: "USD",
  merchant: "",
  kind: "purchase",
  location: "",
  description: "",
  account_id: "",
};

/** The request's body; fields that were left empty are left out. */
export function bodyOfForm(form: SubmissionForm): NewTransaction {
  const { amount } = checkAmount(form.amount, form.currency);
  return {
    amount: amount ?? form.amount,
    currency: form.currency as NonNullable<NewTransaction["currency"]>,
    merchant: form.merchant,
    kind: form.kind,
    ...(form.location && { location: form.location }),
    ...(form.description && { description: form.description }),
    ...(form.account_id && { account_id: form.account_id }),
  };
}

/** The form for what was sent before. */
export function formOfBody(body: NewTransaction): SubmissionForm {
  return {
    amount: body.amount,
    currency: body.currency ?? EMPTY_FORM.currency,
    merchant: body.merchant,
    kind: body.kind ?? EMPTY_FORM.kind,
    location: body.location ?? "",
    description: body.description ?? "",
    account_id: body.account_id ?? "",
  };
}
