/** KeysPage: the keys that sign access tokens, and their rotation. */
import { useState } from "react";
import { panelStateOf } from "../../../api/queries";
import { Icon } from "../../../components/Icon";
import { Panel } from "../../../components/Panel";
import { AdministrationPage } from "../AdministrationPage";
import { KeyTable } from "./KeyTable";
import { useSigningKeys } from "./queries";
import { RotateKeysDialog } from "./RotateKeysDialog";

export function KeysPage() {
  const asked = useSigningKeys();
  const [isRotating, setIsRotating] = useState(false);
  const keys = asked.data ?? [];
  return (
    <AdministrationPage
      title="Signing keys"
      actions={
        <button type="button" className="button primary" onClick={() => setIsRotating(true)}>
          <Icon name="retry" /> Rotate
        </button>
      }
    >
      <Panel
        title="What access tokens are signed with"
        state={panelStateOf(asked, (found) =>
          found.length > 0 ? undefined : { kind: "empty", icon: "key", title: "No keys yet" },
        )}
        isFlush
        skeletonLines={4}
        foot={
          <p className="small muted">
            Everybody may check a token against the public halves at{" "}
            <code>/.well-known/jwks.json</code>.
          </p>
        }
      >
        <KeyTable keys={keys} />
      </Panel>
      {isRotating && <RotateKeysDialog onClose={() => setIsRotating(false)} />}
    </AdministrationPage>
  );
}
