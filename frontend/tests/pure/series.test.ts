/** The chart draws what the forecaster said, joined without gaps, and bounded. */
import { describe, expect, it } from "vitest";
import {
  describeLoad,
  ROW_COUNT_MAX,
  seriesOf,
  timeMarks,
  writeLoad,
} from "../../src/features/forecast/series";
import { forecast, minute } from "../values";

describe("seriesOf", () => {
  it("joins the past and the minutes ahead in time order", () => {
    const { rows, nowMs } = seriesOf(forecast(), 10, 60);
    expect(rows).toHaveLength(70);
    expect(rows.map((row) => row.atMs)).toEqual(
      rows.map((row) => row.atMs).toSorted((a, b) => a - b),
    );
    expect(nowMs).toBe(Date.parse(minute(60)));
    expect(rows[59]).toMatchObject({ actual: 99, mean: 99, band: [99, 99] });
    expect(rows[60]).toEqual({ atMs: Date.parse(minute(60)), mean: 100, band: [80, 120] });
  });

  it("keeps the newest minutes and the number of points in bounds", () => {
    const history = Array.from({ length: 2_000 }, (_, index) => ({
      at: minute(index - 1_940),
      value: 1,
    }));
    const { rows } = seriesOf(forecast({ history }), 30, 2_000);
    expect(rows).toHaveLength(ROW_COUNT_MAX);
    expect(rows.at(-1)?.atMs).toBe(Date.parse(minute(89)));
  });

  it("has no load below zero and nothing that is no number", () => {
    const { rows } = seriesOf(
      forecast({
        history: [
          { at: minute(0), value: 5 },
          { at: "nonsense", value: 5 },
          { at: minute(1), value: Number.NaN },
        ],
        forecast: [{ at: minute(2), mean: -3, lower: -9, upper: 4 }],
      }),
      10,
      60,
    );
    expect(rows).toEqual([
      { atMs: Date.parse(minute(0)), actual: 5, mean: 5, band: [5, 5] },
      { atMs: Date.parse(minute(2)), mean: 0, band: [0, 4] },
    ]);
  });

  it("is empty without data", () => {
    expect(seriesOf(forecast({ history: [], forecast: [] }), 10, 60)).toEqual({
      rows: [],
      nowMs: undefined,
    });
  });
});

it("says in a sentence what the chart shows", () => {
  expect(describeLoad(forecast(), 10)).toBe(
    "99 transactions in the last full minute; 100 expected in 10 min (71 to 129).",
  );
  expect(describeLoad(forecast({ forecast: [] }), 10)).toBe(
    "99 transactions in the last full minute.",
  );
  expect(describeLoad(forecast({ forecast: [], history: [] }), 10)).toBe("");
});

it("marks whole steps of time, few enough to be read", () => {
  const { rows } = seriesOf(forecast(), 30, 60);
  const marks = timeMarks(rows, 6);
  expect(marks.length).toBeLessThanOrEqual(7);
  expect(marks.every((at) => at % (15 * 60_000) === 0)).toBe(true);
  expect(timeMarks([], 6)).toEqual([]);
});

it("writes a load with as many digits as a glance needs", () => {
  expect([writeLoad(0), writeLoad(0.25), writeLoad(9.96), writeLoad(1234.5)]).toEqual([
    "0",
    "0.3",
    "10.0",
    "1,235",
  ]);
});
