/** VersionFacts: what a version says. */
import type { ScoringVersion } from "../../api/types";
import { TimeUtc } from "../../components/TimeUtc";
import { VersionTag } from "./VersionTag";
import { writeEmphasis } from "./words";

export function VersionFacts({ version }: { version: ScoringVersion }) {
  return (
    <dl className="facts">
      <dt>Version</dt>
      <dd>
        {version.number} <VersionTag state={version.state} />
      </dd>
      <dt>Review from</dt>
      <dd>{version.review_min}</dd>
      <dt>Decline from</dt>
      <dd>{version.decline_min}</dd>
      <dt>Emphasis</dt>
      <dd>{writeEmphasis(version.emphasis)}</dd>
      {version.note && (
        <>
          <dt>Note</dt>
          <dd className="break">{version.note}</dd>
        </>
      )}
      {version.created_by && (
        <>
          <dt>Made</dt>
          <dd className="break">
            <TimeUtc instant={version.created_at} />, by {version.created_by}
          </dd>
        </>
      )}
    </dl>
  );
}
