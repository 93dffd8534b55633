/** RotateKeysDialog: a new key signs from now on; the older ones may be made void with it. */
import { useState } from "react";
import { useAct } from "../../../act";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { Notice } from "../../../components/Notice";
import { useToast } from "../../../components/Toaster";
import { useRotateKeys } from "./queries";

export function RotateKeysDialog({ onClose }: { onClose: () => void }) {
  const [voidsOlder, setVoidsOlder] = useState(false);
  const toast = useToast();
  const act = useAct(useRotateKeys(), () => {
    onClose();
    toast("check", voidsOlder ? "A new key signs; the older ones are void" : "A new key was made");
  });
  return (
    <ConfirmDialog
      title="Rotate the signing keys"
      confirmWord={voidsOlder ? "Rotate and void" : "Rotate"}
      tone={voidsOlder ? "bad" : "primary"}
      isSending={act.isUnderWay}
      error={act.error}
      onConfirm={() => act.run(voidsOlder)}
      onClose={onClose}
    >
      <p>
        A new key is made, and signs the access tokens a few seconds later. Those that were signed
        before stay good until they expire: nobody notices.
      </p>
      <label className="choice">
        <input
          type="checkbox"
          checked={voidsOlder}
          onChange={(event) => setVoidsOlder(event.target.checked)}
        />
        <span>
          Make the older keys void
          <span className="muted">When one of them may be known to others.</span>
        </span>
      </label>
      {voidsOlder && (
        <Notice tone="warn" role="alert">
          <p>
            Every access token signed so far is refused at once, of people and of services. Browsers
            and consoles renew theirs; a service that keeps its token must ask for another.
          </p>
        </Notice>
      )}
    </ConfirmDialog>
  );
}
