/** Parts show what they are given: exactly, inertly, and by words as well as by colours. */
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { describe, expect, it, vi } from "vitest";
import type { Connection } from "../../src/api/live";
import { cleanAll } from "../../src/clean";
import { ConnectionChip } from "../../src/components/ConnectionChip";
import { Score } from "../../src/components/Score";
import { Sparkline } from "../../src/components/Sparkline";
import { DecisionTag, ResolutionTag, StatusTag } from "../../src/components/Tags";
import { AlertDetails } from "../../src/features/alerts/AlertDetails";
import { FilterBox } from "../../src/features/transactions/FilterBox";
import { TransactionDetails } from "../../src/features/transactions/TransactionDetails";
import { TransactionTable } from "../../src/features/transactions/TransactionTable";
import { alert, reason, transaction } from "../values";

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</script><script>alert(1)</script>",
  "javascript:alert(1)",
  "{{7*7}} #{7*7}",
  "a\u202Egnp.exe",
  "\u001b]0;pwned\u0007",
  "zero\u200Bwidth",
  "=cmd|'/c calc'!A1",
  "x".repeat(5_000),
];

describe("hostile text", () => {
  it.each(HOSTILE)("%j stays text", (text) => {
    const hostile = cleanAll(
      transaction(1, {
        merchant: text,
        account_id: text,
        description: text,
        location: text,
        metadata: { [text]: text },
        reasons: [{ ...reason, text }],
      }),
    );
    const { container } = render(
      <MemoryRouter>
        <TransactionTable caption="x" transactions={[hostile]} hasAccounts hrefOf={() => "/x"} />
        <TransactionDetails transaction={hostile} />
        <AlertDetails
          alert={cleanAll(
            alert(1, { merchant: text, account_id: text, note: text, resolution: "fraud" }),
          )}
          acts={null}
        />
      </MemoryRouter>,
    );
    expect(container.querySelectorAll("img, script, iframe, [onerror]")).toHaveLength(0);
    expect(container.textContent).not.toMatch(/[\p{Cc}\u202E\u200B]/u);
    for (const link of container.querySelectorAll("a")) {
      expect(link.getAttribute("href")).toMatch(/^\/(x|transactions\?)/);
    }
  });
});

describe("a transaction's row", () => {
  it("shows an amount beyond all numbers exactly", () => {
    render(
      <MemoryRouter>
        <TransactionTable
          caption="Latest"
          transactions={[transaction(1, { amount: "9007199254740993.01" })]}
          hasAccounts={false}
          hrefOf={(row) => `/transactions?transaction=${row.id}`}
        />
      </MemoryRouter>,
    );
    expect(screen.getByRole("table", { name: "Latest" })).toBeDefined();
    expect(screen.getByText(/9,007,199,254,740,993\.01/)).toBeDefined();
    expect(screen.getByRole("link", { name: "Corner Bakery" })).toBeDefined();
    expect(screen.queryByText("Account")).toBeNull();
  });
});

describe("states", () => {
  it("are words", () => {
    const { container } = render(
      <>
        <DecisionTag decision="decline" />
        <DecisionTag decision={null} />
        <DecisionTag decision="escalate" />
        <StatusTag status="pending" />
        <ResolutionTag resolution="legitimate" />
        <Score score={0.978} />
        <Score score={null} />
      </>,
    );
    expect(container.textContent).toBe("DeclinePendingescalatePendingLegitimate0.98–");
  });

  it("of the connection are words too, with a countdown and a way to hurry", async () => {
    const onRetry = vi.fn();
    const show = (connection: Connection, heardAtMs?: number) =>
      render(
        <ConnectionChip connection={connection} heardAtMs={() => heardAtMs} onRetry={onRetry} />,
      );
    show({ phase: "live" }, performance.now());
    expect(screen.getByText("Live")).toBeDefined();
    show({ phase: "live" }, performance.now() - 20_000);
    expect(screen.getByText("Silent for 20 s")).toBeDefined();
    const retryAtMs = performance.now() + 3_900;
    show({ phase: "waiting", attempt: 2, retryAtMs, reason: "gone" });
    expect(screen.getByText("in 4 s")).toBeDefined();
    await userEvent.click(screen.getByRole("button", { name: "Now" }));
    expect(onRetry).toHaveBeenCalledOnce();
  });
});

describe("the sparkline", () => {
  it("draws nothing of one value and stays in its frame", () => {
    const { container, rerender } = render(<Sparkline values={[1]} />);
    expect(container.innerHTML).toBe("");
    rerender(<Sparkline values={[0, 0, 0]} />);
    expect(container.querySelector("polyline")?.getAttribute("points")).not.toMatch(/NaN|-/);
  });
});

describe("the filter box", () => {
  it("hands over what was typed and says what it does not understand", async () => {
    const onChange = vi.fn();
    render(<FilterBox filters={{}} onChange={onChange} />);
    const box = screen.getByRole("textbox", { name: "Filter transactions" });
    await userEvent.type(box, "foo:1{Enter}");
    expect(screen.getByRole("alert").textContent).toMatch(/no field “foo”/);
    expect(box.getAttribute("aria-invalid")).toBe("true");
    expect(onChange).not.toHaveBeenCalled();
    await userEvent.clear(box);
    await userEvent.type(box, "amount:>1000 decision:review{Enter}");
    expect(onChange).toHaveBeenCalledWith({ amount_min: "1000", decision: "review" });
    expect((box as HTMLInputElement).value).toBe("decision:review amount:>=1000");
  });

  it("says the same as the lists beside it", async () => {
    const onChange = vi.fn();
    const { rerender } = render(<FilterBox filters={{ merchant: "Tesco" }} onChange={onChange} />);
    await userEvent.selectOptions(screen.getByRole("combobox", { name: "Decision" }), "decline");
    expect(onChange).toHaveBeenCalledWith({ merchant: "Tesco", decision: "decline" });
    rerender(<FilterBox filters={{ since: "1h" }} onChange={onChange} />);
    expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("since:1h");
    await userEvent.click(screen.getByRole("button", { name: "Clear" }));
    expect(onChange).toHaveBeenLastCalledWith({});
  });
});
