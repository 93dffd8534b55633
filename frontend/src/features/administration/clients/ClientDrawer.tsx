/** ClientDrawer: one service, what it may do, and what an admin can do about it. */
import { useState } from "react";
import { Link } from "react-router";
import { panelStateOf } from "../../../api/queries";
import type { ServiceClient } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { Drawer } from "../../../components/Drawer";
import { TimeUtc } from "../../../components/TimeUtc";
import { describeScope } from "../../../scopes";
import { Act } from "../Act";
import { ClientActDialog } from "./ClientActDialog";
import { ClientTag } from "./ClientTable";
import { useClient } from "./queries";
import { RotateSecretDialog } from "./RotateSecretDialog";

export type ClientAct = "rotate" | "revoke" | "disable" | "enable";

interface ClientDrawerProps {
  id: string;
  /** What the list holds already. */
  known: ServiceClient | undefined;
  onClose: () => void;
}

export function ClientDrawer({ id, known, onClose }: ClientDrawerProps) {
  const asked = useClient(id, known);
  const [act, setAct] = useState<ClientAct | undefined>();
  const client = asked.data;
  const closeAct = () => setAct(undefined);
  return (
    <>
      <Drawer title="Service client" state={panelStateOf(asked)} onClose={onClose}>
        {client && (
          <>
            <ClientFacts client={client} />
            <ClientActs client={client} onAct={setAct} />
          </>
        )}
      </Drawer>
      {client && act === "rotate" && <RotateSecretDialog client={client} onClose={closeAct} />}
      {client && act && act !== "rotate" && (
        <ClientActDialog client={client} act={act} onClose={closeAct} />
      )}
    </>
  );
}

function ClientFacts({ client }: { client: ServiceClient }) {
  return (
    <>
      <div className="stack tight">
        <p className="break name">{client.name}</p>
        <p className="tags">
          <ClientTag client={client} />
        </p>
      </div>
      <dl className="facts">
        <dt>Client id</dt>
        <dd>
          <span className="mono">{client.client_id}</span>{" "}
          <CopyButton text={client.client_id} what="the client's id" />
        </dd>
        <dt>Added</dt>
        <dd>
          <TimeUtc instant={client.created_at} isExact />
        </dd>
        {client.rotated_at && (
          <>
            <dt>Secret rotated</dt>
            <dd>
              <TimeUtc instant={client.rotated_at} isExact />
            </dd>
          </>
        )}
        {client.older_secret_until && (
          <>
            <dt>Older secret until</dt>
            <dd>
              <TimeUtc instant={client.older_secret_until} isExact />
            </dd>
          </>
        )}
        <dt>Audit trail</dt>
        <dd>
          <Link to={`/admin/audit?${new URLSearchParams({ actor: client.client_id })}`}>
            What it did
          </Link>
          {", "}
          <Link to={`/admin/audit?${new URLSearchParams({ subject: client.client_id })}`}>
            what was done to it
          </Link>
        </dd>
      </dl>
      <section className="stack tight">
        <h3>What it may do</h3>
        <ul className="scopes">
          {client.scopes.map((scope) => (
            <li key={scope}>
              <code>{scope}</code>
              <span className="muted">{describeScope(scope)}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

interface ClientActsProps {
  client: ServiceClient;
  onAct: (act: ClientAct) => void;
}

function ClientActs({ client, onAct }: ClientActsProps) {
  const isRevoked = client.secret_count === 0;
  return (
    <div className="acts">
      {client.is_active && (
        <Act
          title="Secret"
          control={
            <button type="button" className="button" onClick={() => onAct("rotate")}>
              Rotate secret
            </button>
          }
        >
          {isRevoked
            ? "It has none, and cannot sign in until it gets one."
            : "Gives it a new one, which is shown once; the old one may go on for a while."}
        </Act>
      )}
      <Act
        title={client.is_active ? "Disable" : "Enable"}
        control={
          <button
            type="button"
            className={`button ${client.is_active ? "bad" : "good"}`}
            onClick={() => onAct(client.is_active ? "disable" : "enable")}
          >
            {client.is_active ? "Disable" : "Enable"}
          </button>
        }
      >
        {client.is_active
          ? "Keeps it out until it is enabled again, with the secrets it has."
          : isRevoked
            ? "Lets it in again; its secrets are gone, so it needs a new one."
            : "Lets it in again, with the secrets it has."}
      </Act>
      {!isRevoked && (
        <Act
          title="Revoke"
          control={
            <button type="button" className="button bad" onClick={() => onAct("revoke")}>
              Revoke
            </button>
          }
        >
          Its secrets and its tokens are refused at once, for good.
        </Act>
      )}
    </div>
  );
}
