/** FilterBox: the filters of the history, typed as words or chosen; both say the same. */
import { type FormEvent, useId, useState } from "react";
import { Icon } from "../../components/Icon";
import { type Filters, formatFilterText, parseFilterText } from "./filters";

interface FilterBoxProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

const AGES = [
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["1d", "Last day"],
  ["7d", "Last 7 days"],
] as const;

export function FilterBox({ filters, onChange }: FilterBoxProps) {
  const id = useId();
  const applied = formatFilterText(filters);
  const [typed, setTyped] = useState(applied);
  const [shown, setShown] = useState(applied);
  const [problem, setProblem] = useState<string | undefined>();
  const [isHelping, setIsHelping] = useState(false);
  if (shown !== applied) {
    // The filters changed elsewhere (a link, the Back button, a list beside the box).
    setShown(applied);
    setTyped(applied);
    setProblem(undefined);
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = parseFilterText(typed);
    setProblem(parsed.problem);
    if (parsed.filters) {
      setTyped(formatFilterText(parsed.filters));
      onChange(parsed.filters);
    }
  };
  const choose = (field: "decision" | "since", value: string) => {
    const { [field]: _, ...others } = filters;
    onChange(value ? { ...others, [field]: value } : others);
  };
  return (
    <search className="filters">
      <form className="filter-line" onSubmit={submit}>
        <div className="filter-text">
          <Icon name="search" />
          <label className="visually-hidden" htmlFor={id}>
            Filter transactions
          </label>
          <input
            id={id}
            className="input"
            type="text"
            inputMode="search"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="Merchant, or amount:>=1000 decision:review"
            value={typed}
            aria-invalid={problem !== undefined}
            aria-describedby={`${id}-problem`}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        <button type="submit" className="button">
          Filter
        </button>
        {applied && (
          <button type="button" className="button quiet" onClick={() => onChange({})}>
            Clear
          </button>
        )}
        <button
          type="button"
          className="button quiet square"
          aria-label="How to filter"
          aria-expanded={isHelping}
          aria-controls={`${id}-help`}
          onClick={() => setIsHelping(!isHelping)}
        >
          <Icon name="help" />
        </button>
      </form>
      <div className="filter-choices">
        <label>
          <span className="visually-hidden">Decision</span>
          <select
            className="input"
            value={filters.decision ?? ""}
            onChange={(event) => choose("decision", event.target.value)}
          >
            <option value="">Any decision</option>
            <option value="approve">Approve</option>
            <option value="review">Review</option>
            <option value="decline">Decline</option>
          </select>
        </label>
        <label>
          <span className="visually-hidden">Time</span>
          <select
            className="input"
            value={filters.since ?? ""}
            onChange={(event) => choose("since", event.target.value)}
          >
            <option value="">Any time</option>
            {AGES.map(([age, words]) => (
              <option key={age} value={age}>
                {words}
              </option>
            ))}
            {filters.since && !AGES.some(([age]) => age === filters.since) && (
              <option value={filters.since}>Since {filters.since}</option>
            )}
          </select>
        </label>
      </div>
      <p className="problem" id={`${id}-problem`} role="alert">
        {problem && (
          <>
            <Icon name="alerts" />
            {problem}
          </>
        )}
      </p>
      <div id={`${id}-help`} hidden={!isHelping} className="filter-help">
        <p>Words are a merchant's whole name. Fields narrow it down; all of them must hold:</p>
        <ul>
          <li>
            <code>merchant:"Corner Bakery"</code>
          </li>
          <li>
            <code>account:acc-7f3k2m</code>
          </li>
          <li>
            <code>currency:EUR amount:&gt;=1000</code> or <code>amount:10..99.50</code>
          </li>
          <li>
            <code>decision:review</code>, <code>flagged:yes</code>, <code>score:&gt;=0.8</code>
          </li>
          <li>
            <code>since:15m</code> (s, m, h, d) or <code>since:2026-11-24T14:00Z</code>,{" "}
            <code>until:…</code>
          </li>
        </ul>
      </div>
    </search>
  );
}
