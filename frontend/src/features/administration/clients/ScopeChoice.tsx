/** ScopeChoice: what a service may do, as boxes to tick with a sentence each. */
import { useId } from "react";
import { Icon } from "../../../components/Icon";
import { SCOPES, type Scope } from "../../../scopes";

interface ScopeChoiceProps {
  chosen: ReadonlySet<Scope>;
  problem: string | undefined;
  onChange: (chosen: ReadonlySet<Scope>) => void;
}

export function ScopeChoice({ chosen, problem, onChange }: ScopeChoiceProps) {
  const id = useId();
  const toggle = (scope: Scope) => {
    const next = new Set(chosen);
    if (!next.delete(scope)) {
      next.add(scope);
    }
    onChange(next);
  };
  return (
    <fieldset className="choices" aria-describedby={problem && `${id}-problem`}>
      <legend>What it may do</legend>
      {(Object.entries(SCOPES) as [Scope, string][]).map(([scope, words]) => (
        <label key={scope} className="choice">
          <input type="checkbox" checked={chosen.has(scope)} onChange={() => toggle(scope)} />
          <span>
            <code>{scope}</code>
            <span className="muted">{words}</span>
          </span>
        </label>
      ))}
      {problem && (
        <p className="problem" id={`${id}-problem`}>
          <Icon name="alerts" />
          {problem}
        </p>
      )}
    </fieldset>
  );
}
