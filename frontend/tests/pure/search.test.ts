/** The address of a list says what is shown, and changes only where it is told to. */
import { describe, expect, it } from "vitest";
import { readFilters, searchWith } from "../../src/features/administration/search";

const FIELDS = ["email", "role"] as const;

describe("filters", () => {
  it.each([
    ["?email=ana&role=admin&user=1", { email: "ana", role: "admin" }],
    ["?email=%20%20&cursor=x", {}],
    ["?role=%20analyst%20", { role: "analyst" }],
  ])("of %j are %j", (search, filters) => {
    expect(readFilters(new URLSearchParams(search), FIELDS)).toEqual(filters);
  });
});

it("keeps what it is not told to change", () => {
  const parameters = new URLSearchParams("?email=ana&cursor=x&user=1");
  const changes = { email: "", role: "admin", cursor: undefined };
  expect(searchWith(parameters, changes)).toBe("?user=1&role=admin");
  expect(parameters.get("email")).toBe("ana");
});
