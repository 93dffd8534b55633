/** The address of a list: its filters, its page, and what is open in it; a link shows the same. */

/** What a list is narrowed down by, under the gateway's own names; what is not set is absent. */
export type Filters<F extends string> = Readonly<Partial<Record<F, string>>>;

/** Reads those of an address. */
export function readFilters<F extends string>(
  parameters: URLSearchParams,
  fields: readonly F[],
): Filters<F> {
  const found: Partial<Record<F, string>> = {};
  for (const field of fields) {
    const value = parameters.get(field)?.trim();
    if (value) {
      found[field] = value;
    }
  }
  return found;
}

/** Returns an address's search with some parameters changed; nothing and "" take one away. */
export function searchWith(
  parameters: URLSearchParams,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const search = new URLSearchParams(parameters);
  for (const [name, value] of Object.entries(changes)) {
    if (value) {
      search.set(name, value);
    } else {
      search.delete(name);
    }
  }
  return `?${search}`;
}
