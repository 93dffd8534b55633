/** NewVersionDialog: the thresholds and emphases of a version, which then is a draft. */
import { type FormEvent, useState } from "react";
import { useAct } from "../../act";
import { sentenceOf } from "../../api/problem";
import type { ScoringVersion } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Failure } from "../../components/Failure";
import { FormActions } from "../../components/FormActions";
import { FormField } from "../../components/FormField";
import { LineField } from "../../components/LineField";
import { SelectField } from "../../components/SelectField";
import { useToast } from "../../components/Toaster";
import { DETECTORS } from "../alerts/detectors";
import { NOTE_LENGTH_MAX } from "../alerts/ResolveDialog";
import { useVersionActs } from "./queries";

interface NewVersionDialogProps {
  /** What is not changed is as in this one. */
  live: ScoringVersion;
  onClose: () => void;
}

const FACTORS: readonly (readonly [number, string])[] = [
  [0, "× 0: not heard"],
  [0.5, "× 0.5"],
  [1, "× 1: as it is"],
  [1.5, "× 1.5"],
  [2, "× 2"],
  [3, "× 3"],
];

export function NewVersionDialog({ live, onClose }: NewVersionDialogProps) {
  const [reviewMin, setReviewMin] = useState(String(live.review_min));
  const [declineMin, setDeclineMin] = useState(String(live.decline_min));
  const [emphasis, setEmphasis] = useState<ScoringVersion["emphasis"]>(live.emphasis);
  const [note, setNote] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const toast = useToast();
  const making = useAct(useVersionActs().make, (made) => {
    onClose();
    toast("check", `Version ${made.number} is a draft`);
  });
  const problem = isChecked ? problemOf(reviewMin, declineMin) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (problemOf(reviewMin, declineMin) === undefined && note.trim() !== "") {
      making.run({
        review_min: Number(reviewMin),
        decline_min: Number(declineMin),
        emphasis,
        note: note.trim(),
      });
    }
  };
  return (
    <Dialog title="New version" onClose={onClose}>
      <form className="form" onSubmit={submit} noValidate>
        {making.error !== undefined && (
          <Failure what="No version was made.">{sentenceOf(making.error)}</Failure>
        )}
        <LineField
          label="What for"
          problem={isChecked && note.trim() === "" ? "Write it down, for colleagues." : undefined}
          lengthMax={NOTE_LENGTH_MAX}
          value={note}
          onChange={setNote}
        />
        <Threshold
          label="Review from"
          problem={problem}
          value={reviewMin}
          onChange={setReviewMin}
        />
        <Threshold
          label="Decline from"
          problem={undefined}
          value={declineMin}
          onChange={setDeclineMin}
        />
        <details>
          <summary>How much each detector counts</summary>
          {DETECTORS.map(([detector]) => (
            <SelectField
              key={detector}
              label={detector}
              choices={choicesWith(emphasis[detector])}
              value={emphasis[detector] ?? 1}
              onChange={(factor) => setEmphasis({ ...emphasis, [detector]: factor })}
            />
          ))}
        </details>
        <FormActions
          word="Make the draft"
          sendingWord="Sending…"
          isSending={making.isUnderWay}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}

interface ThresholdProps {
  label: string;
  problem: string | undefined;
  value: string;
  onChange: (value: string) => void;
}

function Threshold({ label, problem, value, onChange }: ThresholdProps) {
  return (
    <FormField label={label} hint="A score, 0 to 1." problem={problem}>
      {(control) => (
        <input
          {...control}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </FormField>
  );
}

/** A factor that somebody set by another way is a choice as well. */
function choicesWith(factor: number | undefined): readonly (readonly [number, string])[] {
  return factor === undefined || FACTORS.some(([known]) => known === factor)
    ? FACTORS
    : [...FACTORS, [factor, `× ${factor}`]];
}

function problemOf(reviewMin: string, declineMin: string): string | undefined {
  const [review, decline] = [Number(reviewMin), Number(declineMin)];
  const isScore = (text: string, value: number) => text.trim() !== "" && value >= 0 && value <= 1;
  if (!isScore(reviewMin, review) || !isScore(declineMin, decline)) {
    return "Both are scores from 0 to 1.";
  }
  return decline < review ? "What is declined must be at least what is reviewed." : undefined;
}
