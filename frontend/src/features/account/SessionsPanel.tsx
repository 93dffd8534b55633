/** SessionsPanel: asks where one is signed in, and ends one of these sessions or all of them. */
import { useState } from "react";
import { useAct } from "../../act";
import { panelStateOf } from "../../api/queries";
import { session } from "../../api/session";
import type { SignIn } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Panel } from "../../components/Panel";
import { TimeUtc } from "../../components/TimeUtc";
import { useToast } from "../../components/Toaster";
import { nameDevice } from "./device";
import { useEndSession, useSessions } from "./queries";
import { SessionList } from "./SessionList";

export function SessionsPanel() {
  const asked = useSessions();
  const [ending, setEnding] = useState<SignIn | "all" | undefined>();
  const sessions = asked.data ?? [];
  return (
    <>
      <Panel
        title="Where you are signed in"
        state={panelStateOf(asked)}
        isFlush
        skeletonLines={8}
        actions={
          asked.data && (
            <button type="button" className="button" onClick={() => setEnding("all")}>
              Sign out everywhere
            </button>
          )
        }
        foot={
          <span className="small muted">
            Something here is not yours? End it, and change your password.
          </span>
        }
      >
        <SessionList sessions={sessions} onEnd={setEnding} />
      </Panel>
      {ending === "all" && (
        <EndAllDialog count={sessions.length} onClose={() => setEnding(undefined)} />
      )}
      {ending && ending !== "all" && (
        <EndDialog ended={ending} onClose={() => setEnding(undefined)} />
      )}
    </>
  );
}

function EndDialog({ ended, onClose }: { ended: SignIn; onClose: () => void }) {
  const toast = useToast();
  const device = nameDevice(ended.user_agent);
  const act = useAct(useEndSession(), () => {
    onClose();
    toast("check", `${device} is signed out`);
  });
  return (
    <ConfirmDialog
      title="End this session"
      confirmWord="End session"
      isSending={act.isUnderWay}
      error={act.error}
      onConfirm={() => act.run(ended.session_id)}
      onClose={onClose}
    >
      <p className="break">
        <strong>{device}</strong>
        {ended.address && (
          <>
            {" "}
            at <span className="mono">{ended.address}</span>
          </>
        )}
        , last used <TimeUtc instant={ended.last_used_at} />, is signed out at once.
      </p>
    </ConfirmDialog>
  );
}

function EndAllDialog({ count, onClose }: { count: number; onClose: () => void }) {
  // Signed out, this page goes away by itself.
  const act = useAct(
    () => session.signOutEverywhere(),
    () => undefined,
  );
  return (
    <ConfirmDialog
      title="Sign out everywhere"
      confirmWord="Sign out everywhere"
      isSending={act.isUnderWay}
      error={act.error}
      onConfirm={act.run}
      onClose={onClose}
    >
      <p>
        {count > 1 ? `All ${count} sessions of yours end` : "Your session ends"} at once,{" "}
        <strong>this one included</strong>. You sign in again afterwards.
      </p>
    </ConfirmDialog>
  );
}
