/** Silenced: which detectors are silent for an alert's account, and the way to silence one. */
import { useState } from "react";
import { sentenceOf } from "../../api/problem";
import { panelStateOf } from "../../api/queries";
import type { Alert } from "../../api/types";
import { Notice } from "../../components/Notice";
import { Panel } from "../../components/Panel";
import { TimeUtc } from "../../components/TimeUtc";
import { useToast } from "../../components/Toaster";
import { SilenceDialog } from "./SilenceDialog";
import { useEndSilence, useSuppressions } from "./suppressions";

export function Silenced({ alert }: { alert: Alert }) {
  const asked = useSuppressions(alert.account_id);
  const ending = useEndSilence(alert.account_id);
  const toast = useToast();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <Panel
      title="Silenced for this account"
      state={panelStateOf(asked)}
      skeletonLines={1}
      actions={
        <button type="button" className="button quiet" onClick={() => setIsAsking(true)}>
          Silence a detector
        </button>
      }
    >
      {ending.error && (
        <Notice tone="warn" role="alert">
          <p>{sentenceOf(ending.error)}</p>
        </Notice>
      )}
      {asked.data?.length === 0 && <p className="muted">Nothing: every detector is heard.</p>}
      <ul className="silenced">
        {asked.data?.map((one) => (
          <li key={one.id}>
            <p className="break">
              <strong>{one.detector}</strong> until <TimeUtc instant={one.expires_at} isExact />, by{" "}
              {one.created_by}
              {one.note && <>: “{one.note}”</>}
            </p>
            <button
              type="button"
              className="button quiet"
              aria-label={`Hear again: ${one.detector}`}
              aria-disabled={ending.isPending}
              onClick={() =>
                ending.isPending ||
                ending.mutate(one, {
                  onSuccess: () => toast("check", `${one.detector} is heard again`),
                })
              }
            >
              Hear again
            </button>
          </li>
        ))}
      </ul>
      {isAsking && <SilenceDialog alert={alert} onClose={() => setIsAsking(false)} />}
    </Panel>
  );
}
