/** RotateSecretDialog: a new secret for a service, shown once; the old one may overlap it. */
import { useState } from "react";
import { useAct } from "../../../act";
import type { ServiceClient } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { SecretDialog } from "../../../components/SecretDialog";
import { SelectField } from "../../../components/SelectField";
import { useRotateSecret } from "./queries";

interface RotateSecretDialogProps {
  client: ServiceClient;
  onClose: () => void;
}

/** Seconds for which the older secret goes on. */
const OVERLAPS: readonly (readonly [number, string])[] = [
  [0, "Not at all: it may be known to others"],
  [3_600, "For an hour"],
  [86_400, "For a day"],
  [604_800, "For seven days"],
];
const OVERLAP_DEFAULT_S = 86_400;

export function RotateSecretDialog({ client, onClose }: RotateSecretDialogProps) {
  const [overlapS, setOverlapS] = useState(OVERLAP_DEFAULT_S);
  // Here and nowhere else: gone when the dialog is.
  const [secret, setSecret] = useState<string | undefined>();
  const act = useAct(useRotateSecret(), (rotated) => setSecret(rotated.client_secret));
  const name = <strong>{client.name}</strong>;
  if (secret !== undefined) {
    return (
      <SecretDialog
        title="A new secret"
        credentials={[
          { label: "Client id", text: client.client_id },
          { label: "Client secret", text: secret },
        ]}
        onClose={onClose}
      >
        <p className="break">
          {name} signs in with it.{" "}
          {overlapS === 0
            ? "The older one is refused."
            : `The older one goes on ${wordsOf(overlapS).toLowerCase()}.`}
        </p>
      </SecretDialog>
    );
  }
  return (
    <ConfirmDialog
      title="Rotate the secret"
      confirmWord="Rotate secret"
      tone={overlapS === 0 ? "bad" : "primary"}
      isSending={act.isUnderWay}
      error={act.error}
      onConfirm={() => act.run(client.client_id, overlapS)}
      onClose={onClose}
    >
      <p className="break">
        {name} (<span className="mono">{client.client_id}</span>) gets a new secret, shown once.
      </p>
      <SelectField
        label="The older secret goes on"
        hint={
          overlapS === 0
            ? "Whoever still uses it is refused at once."
            : "Time to bring the new one to where the service runs."
        }
        choices={OVERLAPS}
        value={overlapS}
        onChange={setOverlapS}
      />
    </ConfirmDialog>
  );
}

function wordsOf(overlapS: number): string {
  return OVERLAPS.find(([seconds]) => seconds === overlapS)?.[1] ?? `For ${overlapS} s`;
}
