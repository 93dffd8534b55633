/** Acts happen once, when they were confirmed; secrets are seen once; refusals are told in place. */
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { useAct } from "../../src/act";
import { Refusal } from "../../src/api/problem";
import { ConfirmDialog } from "../../src/components/ConfirmDialog";
import { SecretDialog } from "../../src/components/SecretDialog";
import { PasswordForm } from "../../src/features/account/PasswordForm";
import { ScopeChoice } from "../../src/features/administration/clients/ScopeChoice";
import { ChoiceFilter, FilterForm, TextFilter } from "../../src/features/administration/FilterForm";
import type { Scope } from "../../src/scopes";

function refusal(status: number, detail: string, errors: object[] = []): Refusal {
  return new Refusal(new Response(null, { status }), { detail, errors });
}

function Disabling({ work }: { work: () => Promise<string> }) {
  const [done, setDone] = useState("");
  const acting = useAct(work, setDone);
  return (
    <>
      <ConfirmDialog
        title="Disable this user"
        confirmWord="Disable"
        isSending={acting.isUnderWay}
        error={acting.error}
        onConfirm={acting.run}
        onClose={vi.fn()}
      >
        <p>ana@example.com</p>
      </ConfirmDialog>
      <output>{done}</output>
    </>
  );
}

describe("an act that is confirmed", () => {
  const confirm = () => screen.getByRole("button", { name: /Disable|One moment/ });

  it("is done once, however often it is clicked", async () => {
    let finish: (answer: string) => void = () => undefined;
    const work = vi.fn(() => new Promise<string>((resolve) => (finish = resolve)));
    render(<Disabling work={work} />);
    await userEvent.dblClick(confirm());
    expect(confirm().getAttribute("aria-disabled")).toBe("true");
    await userEvent.click(confirm());
    expect(work).toHaveBeenCalledOnce();
    await act(async () => finish("done"));
    expect(screen.getByText("done")).toBeDefined();
  });

  it("says why it was refused, and can be tried again", async () => {
    const sentence = "This is the last admin who can sign in.";
    const work = vi.fn().mockRejectedValueOnce(refusal(409, sentence)).mockResolvedValue("done");
    render(<Disabling work={work} />);
    await userEvent.click(confirm());
    expect((await screen.findByRole("alert")).textContent).toBe(sentence);
    await userEvent.click(confirm());
    expect(await screen.findByText("done")).toBeDefined();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("begins on the button that does nothing", () => {
    render(<Disabling work={vi.fn()} />);
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Cancel" }));
  });
});

describe("a secret", () => {
  it("is copied whole, and does not vanish by a click beside it", async () => {
    const user = userEvent.setup();
    const onClose = vi.fn();
    const secret = "aether_secret_8Kx";
    render(
      <SecretDialog
        title="A new secret"
        credentials={[{ label: "Client secret", text: secret }]}
        onClose={onClose}
      >
        <p>checkout</p>
      </SecretDialog>,
    );
    const copy = screen.getByRole("button", { name: "Copy client secret" });
    expect(document.activeElement).toBe(copy);
    await user.click(copy);
    expect(await navigator.clipboard.readText()).toBe(secret);
    fireEvent.click(screen.getByRole("dialog"));
    expect(onClose).not.toHaveBeenCalled();
    await user.click(screen.getByRole("button", { name: "Done" }));
    expect(onClose).toHaveBeenCalledOnce();
  });
});

describe("a new password", () => {
  const LONG = "a sentence of many words";
  const fill = async (current: string, next: string) => {
    await userEvent.type(screen.getByLabelText("Current password"), current);
    await userEvent.type(screen.getByLabelText("New password"), `${next}{Enter}`);
  };
  const show = (onChange = vi.fn(async () => undefined)) => {
    render(<PasswordForm email="ana@example.com" onChange={onChange} />);
    return onChange;
  };

  it("is sent, and both fields are empty again", async () => {
    const onChange = show();
    await fill("the old one", LONG);
    await waitFor(() => expect(onChange).toHaveBeenCalledExactlyOnceWith("the old one", LONG));
    await waitFor(() =>
      expect(screen.getByLabelText<HTMLInputElement>("New password").value).toBe(""),
    );
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("is judged before it is sent, with one summary that gets the focus", async () => {
    const onChange = show();
    await userEvent.click(screen.getByRole("button", { name: "Change password" }));
    const summary = await screen.findByRole("alert");
    expect(summary.textContent).toContain("2 fields need your attention.");
    await waitFor(() => expect(document.activeElement).toBe(summary));
    await fill("short", "short");
    expect(await screen.findByText(/At least \d+ characters\./)).toBeDefined();
    expect(onChange).not.toHaveBeenCalled();
  });

  it("is not the current one", async () => {
    const onChange = show();
    await fill(LONG, LONG);
    expect(await screen.findByText("This is your current password.")).toBeDefined();
    expect(onChange).not.toHaveBeenCalled();
  });

  it.each([
    ["Current password", refusal(403, "The password is wrong."), "This is not your current"],
    [
      "New password",
      refusal(422, "The password is not taken.", [
        { field: "new_password", detail: "This one is too common." },
      ]),
      "This one is too common.",
    ],
  ])("is refused at the field %s", async (label, error, sentence) => {
    show(vi.fn().mockRejectedValue(error));
    await fill("the old one", LONG);
    const summary = await screen.findByRole("alert");
    expect(summary.textContent).toContain("Your password was not changed.");
    expect(summary.textContent).toContain(sentence);
    expect(screen.getByLabelText(label).getAttribute("aria-invalid")).toBe("true");
    // What was typed is still there: only one of the two was wrong.
    expect(screen.getByLabelText<HTMLInputElement>("New password").value).toBe(LONG);
  });

  it("waits when too many were wrong", async () => {
    const tooMany = new Refusal(
      new Response(null, { status: 429, headers: { "Retry-After": "9" } }),
      {
        detail: "Too many attempts.",
      },
    );
    show(vi.fn().mockRejectedValue(tooMany));
    await fill("the old one", LONG);
    expect((await screen.findByRole("alert")).textContent).toContain("Try again in 9 s.");
  });
});

describe("filters of a list", () => {
  const show = (values: Record<string, string>, onApply = vi.fn()) => {
    const form = (shown: Record<string, string>) => (
      <FilterForm values={shown} onApply={onApply}>
        <TextFilter name="email" label="E-mail" />
        <ChoiceFilter
          name="role"
          label="Role"
          anyWord="Any role"
          choices={[["admin", "Admin"]]}
          value={shown.role}
        />
      </FilterForm>
    );
    const { rerender } = render(form(values));
    return { onApply, change: (changed: Record<string, string>) => rerender(form(changed)) };
  };

  it("act when chosen or entered, with what stands in the other ones", async () => {
    const { onApply } = show({});
    await userEvent.type(screen.getByLabelText("E-mail"), " ana ");
    expect(onApply).not.toHaveBeenCalled();
    await userEvent.selectOptions(screen.getByLabelText("Role"), "admin");
    expect(onApply).toHaveBeenLastCalledWith({ email: "ana", role: "admin" });
    await userEvent.type(screen.getByLabelText("E-mail"), "x{Enter}");
    expect(onApply).toHaveBeenCalledTimes(2);
  });

  it("follow the address, also to what is no choice", () => {
    const { change } = show({ email: "ana", role: "owner" });
    expect(screen.getByLabelText<HTMLInputElement>("E-mail").value).toBe("ana");
    expect(screen.getByLabelText<HTMLSelectElement>("Role").value).toBe("owner");
    change({});
    expect(screen.getByLabelText<HTMLInputElement>("E-mail").value).toBe("");
    expect(screen.queryByRole("button", { name: "Clear" })).toBeNull();
  });

  it("are cleared together", async () => {
    const { onApply } = show({ email: "ana", role: "admin" });
    await userEvent.click(screen.getByRole("button", { name: "Clear" }));
    expect(onApply).toHaveBeenCalledExactlyOnceWith({ email: "", role: "" });
  });
});

it("scopes are ticked with a sentence each", async () => {
  const onChange = vi.fn();
  const chosen = new Set<Scope>(["alerts:read"]);
  render(<ScopeChoice chosen={chosen} problem="Tick at least one." onChange={onChange} />);
  const group = screen.getByRole("group", { name: "What it may do" });
  expect(document.getElementById(group.getAttribute("aria-describedby") ?? "")?.textContent).toBe(
    "Tick at least one.",
  );
  await userEvent.click(screen.getByLabelText(/See fraud alerts/));
  expect(onChange).toHaveBeenLastCalledWith(new Set());
  await userEvent.click(screen.getByLabelText(/Resolve fraud alerts/));
  expect(onChange).toHaveBeenLastCalledWith(new Set(["alerts:read", "alerts:write"]));
});
