/** Forms send what was meant, once, and say beside each field what is wrong with it. */
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Refusal } from "../../src/api/problem";
import { ResolveDialog } from "../../src/features/alerts/ResolveDialog";
import { CredentialsForm } from "../../src/features/sign-in/CredentialsForm";
import { SubmissionFields } from "../../src/features/submission/SubmissionFields";
import { alert } from "../values";

describe("a new transaction", () => {
  const onSubmit = vi.fn();
  const show = (changes: Partial<Parameters<typeof SubmissionFields>[0]> = {}) =>
    render(
      <SubmissionFields
        ownAccount="acc-1"
        mayChooseAccount={false}
        isSending={false}
        refusal={undefined}
        draft={undefined}
        onSubmit={onSubmit}
        {...changes}
      />,
    );
  const submit = () => userEvent.click(screen.getByRole("button", { name: "Submit transaction" }));
  beforeEach(() => onSubmit.mockReset());

  it("is sent as exact text, without empty fields", async () => {
    show();
    await userEvent.type(screen.getByLabelText("Amount"), "9007199254.1");
    await userEvent.type(screen.getByLabelText("Merchant"), "  Corner Bakery ");
    expect(screen.getByText(/You enter/).textContent).toBe("You enter 9,007,199,254.10 US Dollar.");
    await submit();
    await waitFor(() =>
      expect(onSubmit).toHaveBeenCalledExactlyOnceWith({
        amount: "9007199254.10",
        currency: "USD",
        merchant: "Corner Bakery",
        kind: "purchase",
      }),
    );
  });

  it("is judged by its currency's own decimals, again when that changes", async () => {
    show();
    await userEvent.type(screen.getByLabelText("Amount"), "12.345");
    await userEvent.type(screen.getByLabelText("Merchant"), "M");
    await submit();
    expect(await screen.findByText("USD has 2 decimals.")).toBeDefined();
    await userEvent.selectOptions(screen.getByLabelText("Currency"), "JPY");
    expect(await screen.findByText("JPY has no decimals.")).toBeDefined();
    await userEvent.selectOptions(screen.getByLabelText("Currency"), "KWD");
    await waitFor(() => expect(screen.queryByText(/decimals\./)).toBeNull());
    await submit();
    await waitFor(() => expect(onSubmit).toHaveBeenCalledOnce());
  });

  it("goes nowhere without amount and merchant", async () => {
    show();
    await submit();
    expect(await screen.findByText("Enter an amount.")).toBeDefined();
    expect(screen.getByText("Enter the merchant.")).toBeDefined();
    expect(screen.getByLabelText("Amount").getAttribute("aria-invalid")).toBe("true");
    expect(onSubmit).not.toHaveBeenCalled();
  });

  it("is not sent again while it is under way", async () => {
    const { rerender } = show();
    await userEvent.type(screen.getByLabelText("Amount"), "1");
    await userEvent.type(screen.getByLabelText("Merchant"), "M");
    const sending = {
      ownAccount: "acc-1",
      mayChooseAccount: false,
      isSending: true,
      refusal: undefined,
      draft: undefined,
    };
    rerender(<SubmissionFields {...sending} onSubmit={onSubmit} />);
    await userEvent.dblClick(screen.getByRole("button", { name: "Sending…" }));
    expect(onSubmit).not.toHaveBeenCalled();
  });

  it("shows the gateway's refusal at its field and keeps what was typed", async () => {
    const refusal = new Refusal(new Response(null, { status: 422 }), {
      detail: "The submission is not valid.",
      errors: [{ field: "merchant", detail: "This merchant is not taken." }],
    });
    show({ refusal, draft: { amount: "5.00", currency: "EUR", merchant: "M" } });
    expect(await screen.findByText("This merchant is not taken.")).toBeDefined();
    expect(screen.getByRole("alert").textContent).toContain("Not accepted.");
    expect(screen.getByLabelText<HTMLInputElement>("Amount").value).toBe("5.00");
  });

  it("names an account only where that is allowed", () => {
    show();
    expect(screen.queryByLabelText(/Account/)).toBeNull();
    show({ mayChooseAccount: true });
    expect(screen.getByLabelText(/Account/)).toBeDefined();
  });
});

describe("a decision about an alert", () => {
  const show = (changes: Partial<Parameters<typeof ResolveDialog>[0]> = {}) => {
    const parts = { onResolve: vi.fn(), onClose: vi.fn() };
    render(
      <ResolveDialog
        alert={alert(1)}
        resolution="fraud"
        isSending={false}
        error={null}
        {...parts}
        {...changes}
      />,
    );
    return parts;
  };

  it("needs a reason", async () => {
    const { onResolve } = show();
    await userEvent.click(screen.getByRole("button", { name: "Confirm fraud" }));
    expect(screen.getByText(/Write why/)).toBeDefined();
    expect(onResolve).not.toHaveBeenCalled();
    await userEvent.type(screen.getByLabelText("Reason"), "  called the customer ");
    await userEvent.keyboard("{Enter}");
    expect(onResolve).toHaveBeenCalledExactlyOnceWith("called the customer");
  });

  it("takes a usual reason by a click", async () => {
    const { onResolve } = show({ resolution: "legitimate" });
    await userEvent.click(screen.getByRole("button", { name: "Customer confirmed it" }));
    await userEvent.click(screen.getByRole("button", { name: "Mark as legitimate" }));
    expect(onResolve).toHaveBeenCalledExactlyOnceWith("Customer confirmed it");
  });

  it("is over when somebody else was quicker", async () => {
    const error = new Refusal(new Response(null, { status: 409 }), {
      detail: "This alert was resolved as legitimate.",
    });
    const { onClose } = show({ error });
    expect(screen.getByRole("alert").textContent).toMatch(/quicker.*resolved as legitimate/);
    expect(screen.queryByLabelText("Reason")).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Show the decision" }));
    expect(onClose).toHaveBeenCalledOnce();
  });
});

describe("credentials", () => {
  it("show one summary, and move the focus to it", async () => {
    const onSubmit = vi.fn(async () => "E-mail or password is wrong.");
    render(<CredentialsForm isNew={false} submitWord="Sign in" onSubmit={onSubmit} />);
    await userEvent.type(screen.getByLabelText("E-mail"), "ana@example.com");
    await userEvent.type(screen.getByLabelText("Password"), "secret{Enter}");
    const summary = await screen.findByRole("alert");
    expect(summary.textContent).toBe("E-mail or password is wrong.");
    await waitFor(() => expect(document.activeElement).toBe(summary));
    expect(screen.getByLabelText<HTMLInputElement>("Password").value).toBe("secret");
  });

  it("of a new account are checked for length in characters, as the gateway counts them", async () => {
    const onSubmit = vi.fn();
    render(<CredentialsForm isNew submitWord="Make account" onSubmit={onSubmit} />);
    await userEvent.type(screen.getByLabelText("E-mail"), "nonsense");
    await userEvent.type(screen.getByLabelText("Password"), "short{Enter}");
    expect(await screen.findByText("At least 12 characters.")).toBeDefined();
    expect(screen.getByText(/Enter an e-mail address/)).toBeDefined();
    await userEvent.clear(screen.getByLabelText("Password"));
    // Two units of UTF-16 each: 11 characters are still too few, 129 are too many.
    await userEvent.paste("🙂".repeat(11));
    expect(await screen.findByText("At least 12 characters.")).toBeDefined();
    await userEvent.paste("🙂".repeat(118));
    expect(await screen.findByText("At most 128 characters.")).toBeDefined();
    expect(onSubmit).not.toHaveBeenCalled();
  });

  it("can be looked at", async () => {
    render(<CredentialsForm isNew={false} submitWord="Sign in" onSubmit={vi.fn()} />);
    const field = screen.getByLabelText("Password");
    expect(field.getAttribute("type")).toBe("password");
    await userEvent.click(screen.getByRole("button", { name: "Show password" }));
    expect(field.getAttribute("type")).toBe("text");
  });
});
