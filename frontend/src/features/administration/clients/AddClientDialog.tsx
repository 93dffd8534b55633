/** AddClientDialog: a name and scopes make a service that can sign in; its secret is shown once. */
import { type FormEvent, useState } from "react";
import { useAct } from "../../../act";
import { problemOfField, sentenceOf } from "../../../api/problem";
import { Dialog } from "../../../components/Dialog";
import { Failure } from "../../../components/Failure";
import { FormActions } from "../../../components/FormActions";
import { LineField } from "../../../components/LineField";
import { type Credential, SecretDialog } from "../../../components/SecretDialog";
import type { Scope } from "../../../scopes";
import { useAddClient } from "./queries";
import { ScopeChoice } from "./ScopeChoice";

/** What most services do: bring transactions in, and look whether they are there. */
const SCOPES_DEFAULT: readonly Scope[] = ["transactions:read_any", "transactions:write_any"];
const NAME_LENGTH_MAX = 100;

export function AddClientDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<ReadonlySet<Scope>>(new Set(SCOPES_DEFAULT));
  const [wasSent, setWasSent] = useState(false);
  const [added, setAdded] = useState<readonly Credential[] | undefined>();
  const act = useAct(useAddClient(), (client) =>
    setAdded([
      { label: "Client id", text: client.client_id },
      { label: "Client secret", text: client.client_secret },
    ]),
  );
  if (added) {
    return (
      <SecretDialog title="Client added" credentials={added} onClose={onClose}>
        <p className="break">
          <strong>{name.trim()}</strong> gets its tokens at <code>/oauth/token</code> with these, by
          the client credentials grant.
        </p>
      </SecretDialog>
    );
  }
  const hasName = name.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWasSent(true);
    if (hasName && scopes.size > 0) {
      act.run(name.trim(), [...scopes]);
    }
  };
  return (
    <Dialog title="Add a service client" onClose={onClose}>
      <form className="form" noValidate onSubmit={submit}>
        {act.error !== undefined && (
          <Failure what="No client was added.">{sentenceOf(act.error)}</Failure>
        )}
        <LineField
          label="Name"
          hint="What it is, for whoever reads the audit trail: checkout, card-import."
          problem={wasSent && !hasName ? "Enter a name for it." : problemOfField(act.error, "name")}
          lengthMax={NAME_LENGTH_MAX}
          value={name}
          onChange={setName}
        />
        <ScopeChoice
          chosen={scopes}
          problem={
            wasSent && scopes.size === 0
              ? "Tick at least one."
              : (problemOfField(act.error, "scopes") ?? problemOfField(act.error, "scope"))
          }
          onChange={setScopes}
        />
        <FormActions word="Add client" isSending={act.isUnderWay} onClose={onClose} />
      </form>
    </Dialog>
  );
}
