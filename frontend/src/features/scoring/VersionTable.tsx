/** VersionTable: one line a version, and what can be done with it. */
import type { ReactNode } from "react";
import type { ScoringVersion } from "../../api/types";
import { TimeUtc } from "../../components/TimeUtc";
import type { VersionAct } from "./queries";
import { VersionTag } from "./VersionTag";
import { writeEmphasis } from "./words";

interface VersionTableProps {
  versions: readonly ScoringVersion[];
  mayChange: boolean;
  onAct: (act: VersionAct, version: ScoringVersion) => void;
  onCompare: (version: ScoringVersion) => void;
}

export function VersionTable({ versions, mayChange, onAct, onCompare }: VersionTableProps) {
  return (
    <div className="table-wrap">
      <table className="table versions">
        <caption className="visually-hidden">Versions</caption>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Acts</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.number}>
              <td>
                <strong>{version.number}</strong> <VersionTag state={version.state} />
                <p className="small break">
                  Review from {version.review_min}, decline from {version.decline_min};{" "}
                  {writeEmphasis(version.emphasis)}
                </p>
                {version.note && <p className="small break">“{version.note}”</p>}
                <p className="small muted break">
                  <TimeUtc instant={version.created_at} />, {version.created_by}
                </p>
              </td>
              <td>
                <div className="acts">
                  {mayChange && <Acts version={version} onAct={onAct} />}
                  {version.shadowed_at !== null && (
                    <Act word="Compare" version={version} onPress={() => onCompare(version)} />
                  )}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Acts({ version, onAct }: { version: ScoringVersion; onAct: VersionTableProps["onAct"] }) {
  const act = (word: string, name: VersionAct): ReactNode => (
    <Act word={word} version={version} onPress={() => onAct(name, version)} />
  );
  const hasRun = version.shadowed_at !== null || version.promoted_at !== null;
  return (
    <>
      {version.state === "live" && act("Roll back", "rollback")}
      {version.state === "shadow" && act("End the shadow", "end-shadow")}
      {(version.state === "draft" || version.state === "former") && act("Run in shadow", "shadow")}
      {version.state !== "live" && hasRun && act("Promote", "promote")}
    </>
  );
}

interface ActProps {
  word: string;
  version: ScoringVersion;
  onPress: () => void;
}

function Act({ word, version, onPress }: ActProps) {
  return (
    <button
      type="button"
      className="button quiet"
      aria-label={`${word}: version ${version.number}`}
      onClick={onPress}
    >
      {word}
    </button>
  );
}
