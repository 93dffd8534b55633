/** ScoringPage: what decides, what runs in its shadow, and the versions that there are. */
import { useState } from "react";
import { useSearchParams } from "react-router";
import { panelStateOf } from "../../api/queries";
import type { ScoringVersion } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { may, useIdentity } from "../sign-in/session";
import { NewVersionDialog } from "./NewVersionDialog";
import { useScoring, useVersions, type VersionAct } from "./queries";
import { ShadowComparison } from "./ShadowComparison";
import "./scoring.css";
import { VersionActDialog } from "./VersionActDialog";
import { VersionFacts } from "./VersionFacts";
import { VersionTable } from "./VersionTable";

export function ScoringPage() {
  const identity = useIdentity();
  const mayChange = may(identity, "scoring:write");
  const present = useScoring();
  const asked = useVersions();
  const versions = asked.data?.pages.flatMap((page) => page.items) ?? [];
  const [isMaking, setIsMaking] = useState(false);
  const [acting, setActing] = useState<{ act: VersionAct; version: ScoringVersion }>();
  const [parameters, setParameters] = useSearchParams();
  const chosen = Number(parameters.get("compare")) || present.data?.shadow?.number;
  return (
    <Page
      title="Scoring"
      actions={
        mayChange &&
        present.data && (
          <button type="button" className="button primary" onClick={() => setIsMaking(true)}>
            <Icon name="plus" /> New version
          </button>
        )
      }
    >
      <div className="stack">
        <Panel title="What decides now" state={panelStateOf(present)} skeletonLines={5}>
          {present.data && <VersionFacts version={present.data.live} />}
        </Panel>
        {chosen !== undefined && <ShadowComparison key={chosen} number={chosen} />}
        <Panel
          title="Versions"
          state={panelStateOf(asked, () =>
            versions.length > 0
              ? undefined
              : {
                  kind: "empty",
                  icon: "sliders",
                  title: "Nobody has made a version: the settings decide",
                },
          )}
          isFlush
          skeletonLines={6}
          foot={
            asked.hasNextPage && (
              <button
                type="button"
                className="button"
                aria-disabled={asked.isFetchingNextPage}
                onClick={() => asked.fetchNextPage()}
              >
                Load more
              </button>
            )
          }
        >
          <VersionTable
            versions={versions}
            mayChange={mayChange}
            onAct={(act, version) => setActing({ act, version })}
            onCompare={(version) => setParameters({ compare: String(version.number) })}
          />
        </Panel>
      </div>
      {isMaking && present.data && (
        <NewVersionDialog live={present.data.live} onClose={() => setIsMaking(false)} />
      )}
      {acting && <VersionActDialog {...acting} onClose={() => setActing(undefined)} />}
    </Page>
  );
}
