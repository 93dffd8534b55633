/** SilenceDialog: which detector, for how long, and why. */
import { type FormEvent, useState } from "react";
import { sentenceOf } from "../../api/problem";
import type { Alert, Detector } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Failure } from "../../components/Failure";
import { FormActions } from "../../components/FormActions";
import { LineField } from "../../components/LineField";
import { SelectField } from "../../components/SelectField";
import { useToast } from "../../components/Toaster";
import { DETECTORS } from "./detectors";
import { NOTE_LENGTH_MAX } from "./ResolveDialog";
import { useSilence } from "./suppressions";

interface SilenceDialogProps {
  alert: Alert;
  onClose: () => void;
}

const DURATIONS: readonly (readonly [number, string])[] = [
  [3_600, "An hour"],
  [86_400, "A day"],
  [604_800, "Seven days"],
  [2_592_000, "Thirty days"],
];
const DURATION_DEFAULT_S = 86_400;

export function SilenceDialog({ alert, onClose }: SilenceDialogProps) {
  const strongest = DETECTORS.find(([name]) => name === alert.reasons[0]?.detector)?.[0];
  const [detector, setDetector] = useState<Detector>(strongest ?? "amount");
  const [durationS, setDurationS] = useState(DURATION_DEFAULT_S);
  const [note, setNote] = useState("");
  const [isMissing, setIsMissing] = useState(false);
  const silencing = useSilence(alert.account_id);
  const toast = useToast();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const text = note.trim();
    setIsMissing(text === "");
    if (text !== "" && !silencing.isPending) {
      const onSuccess = () => {
        toast("check", `${detector} is silent for ${alert.account_id}`);
        onClose();
      };
      silencing.mutate({ detector, durationS, note: text }, { onSuccess });
    }
  };
  return (
    <Dialog title="Silence a detector" onClose={onClose}>
      <form className="form" onSubmit={submit} noValidate>
        {silencing.error && (
          <Failure what="Nothing was silenced.">{sentenceOf(silencing.error)}</Failure>
        )}
        <p className="break">
          New transactions of <span className="mono">{alert.account_id}</span> are not tested by it;
          all other detectors go on.
        </p>
        <SelectField label="Detector" choices={DETECTORS} value={detector} onChange={setDetector} />
        <SelectField label="For" choices={DURATIONS} value={durationS} onChange={setDurationS} />
        <LineField
          label="Reason"
          problem={isMissing ? "Write down why, for colleagues." : undefined}
          lengthMax={NOTE_LENGTH_MAX}
          value={note}
          onChange={setNote}
        />
        <FormActions
          word="Silence it"
          sendingWord="Sending…"
          isSending={silencing.isPending}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}
