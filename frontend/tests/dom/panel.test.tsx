/** A panel is always in one of its designed states, and says which. */
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { Refusal, Unreachable } from "../../src/api/problem";
import { panelStateOf } from "../../src/api/queries";
import { Panel, type PanelState } from "../../src/components/Panel";

function show(state: PanelState) {
  render(
    <Panel title="Load" state={state}>
      <p>content</p>
    </Panel>,
  );
  return within(screen.getByRole("region", { name: "Load" }));
}

it("loads, and says so to those who listen", () => {
  const panel = show({ kind: "loading" });
  expect(panel.getByText("Loading…")).toBeDefined();
  expect(panel.queryByText("content")).toBeNull();
});

it("is empty in words", () => {
  const panel = show({ kind: "empty", title: "The queue is clear" });
  expect(panel.getByText("The queue is clear")).toBeDefined();
});

it("has failed, with a way to try again", async () => {
  const onRetry = vi.fn();
  const panel = show({ kind: "failed", sentence: "No answer.", onRetry });
  expect(panel.getByRole("alert").textContent).toContain("No answer.");
  await userEvent.click(panel.getByRole("button", { name: "Try again" }));
  expect(onRetry).toHaveBeenCalledOnce();
});

it("keeps the last content and its age when it is stale", () => {
  const sentence = "No answer.";
  const panel = show({ kind: "stale", sinceMs: Date.now() - 30_000, sentence, onRetry: vi.fn() });
  expect(panel.getByText("content")).toBeDefined();
  expect(panel.getByText(/Stale, 30s old/)).toBeDefined();
});

it("takes its state from what was asked", () => {
  const refetch = vi.fn();
  const asked = (data: number[] | undefined, error: Error | null) =>
    panelStateOf({ data, error, dataUpdatedAt: 7, refetch }, (list) =>
      list.length === 0 ? { kind: "empty", title: "Nothing" } : undefined,
    );
  expect(asked(undefined, null).kind).toBe("loading");
  expect(asked(undefined, new Unreachable())).toMatchObject({ kind: "failed" });
  expect(asked([], null)).toEqual({ kind: "empty", title: "Nothing" });
  expect(asked([1], null)).toEqual({ kind: "ready" });
  const refusal = new Refusal(new Response(null, { status: 500 }), {});
  expect(asked([1], refusal)).toMatchObject({ kind: "stale", sinceMs: 7 });
});
