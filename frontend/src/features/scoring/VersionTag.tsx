/** VersionTag: what a version does at present. */
import type { ScoringVersion } from "../../api/types";
import { Tag } from "../../components/Tags";

export function VersionTag({ state }: { state: ScoringVersion["state"] }) {
  switch (state) {
    case "live":
      return <Tag tone="good" icon="check" word="Live" />;
    case "shadow":
      return <Tag tone="warn" icon="eye" word="In shadow" />;
    case "former":
      return <Tag tone="neutral" icon="pause" word="Former" />;
    default:
      return <Tag tone="plain" icon="dot" word="Draft" />;
  }
}
