/** FormActions: what sends a dialog's form, and the way out of it. */
interface FormActionsProps {
  /** The verb of the act. */
  word: string;
  /** What stands in its place while it is done. */
  sendingWord?: string;
  isSending: boolean;
  onClose: () => void;
}

export function FormActions(props: FormActionsProps) {
  const { word, sendingWord = "One moment…", isSending, onClose } = props;
  return (
    <div className="form-actions">
      <button type="submit" className="button primary" aria-disabled={isSending}>
        {isSending ? sendingWord : word}
      </button>
      <button type="button" className="button quiet" onClick={onClose}>
        Cancel
      </button>
    </div>
  );
}
