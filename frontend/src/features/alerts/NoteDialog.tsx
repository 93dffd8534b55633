/** NoteDialog: something for colleagues who look at the alert later. */
import { type FormEvent, useState } from "react";
import { sentenceOf } from "../../api/problem";
import { Dialog } from "../../components/Dialog";
import { Failure } from "../../components/Failure";
import { FormActions } from "../../components/FormActions";
import { LineField } from "../../components/LineField";
import { NOTE_LENGTH_MAX } from "./ResolveDialog";

interface NoteDialogProps {
  isSending: boolean;
  error: Error | null;
  onNote: (note: string) => void;
  onClose: () => void;
}

export function NoteDialog({ isSending, error, onNote, onClose }: NoteDialogProps) {
  const [note, setNote] = useState("");
  const [isMissing, setIsMissing] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const text = note.trim();
    setIsMissing(text === "");
    if (text !== "") {
      onNote(text);
    }
  };
  return (
    <Dialog title="Add a note" onClose={onClose}>
      <form className="form" onSubmit={submit} noValidate>
        {error && <Failure what="The note was not kept.">{sentenceOf(error)}</Failure>}
        <LineField
          label="Note"
          problem={isMissing ? "Write the note first." : undefined}
          lengthMax={NOTE_LENGTH_MAX}
          value={note}
          onChange={setNote}
        />
        <FormActions
          word="Add the note"
          sendingWord="Sending…"
          isSending={isSending}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}
