/** VersionActDialog: says what an act upon a version brings about before it is done. */
import type { ReactNode } from "react";
import { useAct } from "../../act";
import type { ScoringVersion } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useToast } from "../../components/Toaster";
import { useVersionActs, type VersionAct } from "./queries";

interface VersionActDialogProps {
  act: VersionAct;
  version: ScoringVersion;
  onClose: () => void;
}

interface Words {
  title: string;
  verb: string;
  tone: "primary" | "bad";
  said: string;
  told: ReactNode;
}

export function VersionActDialog({ act, version, onClose }: VersionActDialogProps) {
  const words = wordsOf(act, version.number);
  const toast = useToast();
  const doing = useAct(useVersionActs().act, () => {
    onClose();
    toast("check", words.said);
  });
  return (
    <ConfirmDialog
      title={words.title}
      confirmWord={words.verb}
      tone={words.tone}
      isSending={doing.isUnderWay}
      error={doing.error}
      onConfirm={() => doing.run(act, version.number)}
      onClose={onClose}
    >
      <p>{words.told}</p>
    </ConfirmDialog>
  );
}

function wordsOf(act: VersionAct, number: number): Words {
  switch (act) {
    case "shadow":
      return {
        title: `Run version ${number} in shadow`,
        verb: "Run in shadow",
        tone: "primary",
        said: `Version ${number} runs in shadow`,
        told: "It judges every transaction from now on, beside the live one, and decides none. Another that runs in shadow ends.",
      };
    case "promote":
      return {
        title: `Promote version ${number}`,
        verb: "Promote",
        tone: "primary",
        said: `Version ${number} decides`,
        told: "It decides every transaction that is written from now on. What was decided before stays. It can be rolled back at any time.",
      };
    case "rollback":
      return {
        title: `Roll version ${number} back`,
        verb: "Roll back",
        tone: "bad",
        said: `Version ${number} was rolled back`,
        told: "What it was promoted over decides again, within a second or two.",
      };
    default:
      return {
        title: `End the shadow of version ${number}`,
        verb: "End the shadow",
        tone: "primary",
        said: `Version ${number} runs in shadow no more`,
        told: "What it has shown so far is kept.",
      };
  }
}
