/** The chart and the table beside it show the same forecast. */
import { render, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { ForecastFigure, ForecastTable } from "../../src/features/forecast/ForecastFigure";
import { forecast } from "../values";

beforeEach(() => {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 600, 260));
});

it("draws actual load, forecast, interval and now", async () => {
  const { container } = render(
    <ForecastFigure forecast={forecast()} horizon={30} historyMinutes={60} />,
  );
  await waitFor(() => expect(container.querySelector(".recharts-surface")).not.toBeNull());
  expect(container.querySelectorAll(".recharts-line-curve")).toHaveLength(2);
  expect(container.querySelectorAll(".recharts-area-area")).toHaveLength(1);
  const dashes = [...container.querySelectorAll(".recharts-line-curve")].map((line) =>
    line.getAttribute("stroke-dasharray"),
  );
  expect(dashes).toContain("5 4");
  expect(container.querySelector(".recharts-reference-line")).not.toBeNull();
  expect(screen.getByText("now")).toBeDefined();
  expect(screen.getByText(/99 transactions in the last full minute; 100 expected/)).toBeDefined();
});

it("says how much history is missing, and promises no forecast", async () => {
  const early = forecast({ status: "insufficient_data", forecast: [], data_points_analyzed: 12 });
  render(<ForecastFigure forecast={early} horizon={30} historyMinutes={60} />);
  expect(screen.getByText(/needs 30 full minutes; there are 12 so far/)).toBeDefined();
  expect(screen.queryByText("95 % interval")).toBeNull();
});

it("does not ask for minutes that are there when only the first forecast is missing", () => {
  const fresh = forecast({ status: "insufficient_data", forecast: [], data_points_analyzed: 60 });
  render(<ForecastFigure forecast={fresh} horizon={30} historyMinutes={60} />);
  expect(screen.getByText(/the first forecast is being made/)).toBeDefined();
  expect(screen.queryByText(/full minutes; there are/)).toBeNull();
});

it("has the same numbers as a table", () => {
  render(<ForecastTable forecast={forecast()} horizon={10} historyMinutes={60} />);
  const rows = within(screen.getByRole("table")).getAllByRole("row");
  expect(rows).toHaveLength(71);
  expect(rows[1]?.textContent).toBe("13:09–10071 – 129");
  expect(rows[11]?.textContent).toBe("12:5999––");
});
