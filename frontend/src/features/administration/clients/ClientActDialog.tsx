/** ClientActDialog: asks before a service is shut out or let in again. */
import { useAct } from "../../../act";
import type { ServiceClient } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { useToast } from "../../../components/Toaster";
import { useActOnClient } from "./queries";

export type SwitchAct = "revoke" | "disable" | "enable";

interface ClientActDialogProps {
  client: ServiceClient;
  act: SwitchAct;
  onClose: () => void;
}

interface Words {
  verb: string;
  sentence: string;
  done: string;
}

export function ClientActDialog({ client, act, onClose }: ClientActDialogProps) {
  const toast = useToast();
  const words = wordsOf(client, act);
  const acting = useAct(useActOnClient(), () => {
    onClose();
    toast("check", `${client.name} is ${words.done}`);
  });
  return (
    <ConfirmDialog
      title={`${words.verb} this client`}
      confirmWord={words.verb}
      tone={act === "enable" ? "primary" : "bad"}
      isSending={acting.isUnderWay}
      error={acting.error}
      onConfirm={() => acting.run(client.client_id, act)}
      onClose={onClose}
    >
      <p className="break">
        <strong>{client.name}</strong> (<span className="mono">{client.client_id}</span>){" "}
        {words.sentence}
      </p>
    </ConfirmDialog>
  );
}

function wordsOf(client: ServiceClient, act: SwitchAct): Words {
  switch (act) {
    case "revoke":
      return {
        verb: "Revoke",
        sentence: "is shut out at once: all of its secrets and tokens are refused, for good.",
        done: "revoked",
      };
    case "disable":
      return {
        verb: "Disable",
        sentence: "is shut out at once, until somebody enables it again. It keeps its secrets.",
        done: "disabled",
      };
    case "enable":
      return {
        verb: "Enable",
        sentence:
          client.secret_count > 0
            ? "may come in again, with the secrets it has."
            : "may come in again. Its old secrets stay refused: rotate its secret next.",
        done: "enabled",
      };
  }
}
