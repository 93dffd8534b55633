/** SecretDialog: a secret that is shown this once; closing it is the end of it here. */
import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

export interface Credential {
  label: string;
  text: string;
}

interface SecretDialogProps {
  title: string;
  /** What to hand over, such as an id and its secret. */
  credentials: readonly Credential[];
  onClose: () => void;
  /** Whose it is, and what happened. */
  children: ReactNode;
}

export function SecretDialog({ title, credentials, onClose, children }: SecretDialogProps) {
  return (
    <Dialog title={title} isHeld onClose={onClose}>
      {children}
      <dl className="stack tight">
        {credentials.map(({ label, text }, index) => (
          <div className="secret" key={label}>
            <dt>{label}</dt>
            <dd>
              <output className="mono break">{text}</output>
              <CopyButton text={text} what={label.toLowerCase()} hasWord isFirst={index === 0} />
            </dd>
          </div>
        ))}
      </dl>
      <Notice tone="warn">
        <p>It is shown this once and kept nowhere: hand it over before you close this.</p>
      </Notice>
      <div className="form-actions">
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
