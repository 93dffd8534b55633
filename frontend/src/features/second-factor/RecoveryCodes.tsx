/** RecoveryCodes: what lets one in when the app is lost; shown this once. */
import { CopyButton } from "../../components/CopyButton";
import { Dialog } from "../../components/Dialog";
import { Notice } from "../../components/Notice";

interface RecoveryCodesProps {
  codes: readonly string[];
  onClose: () => void;
}

export function RecoveryCodes({ codes, onClose }: RecoveryCodesProps) {
  return (
    <Dialog title="Your recovery codes" isHeld onClose={onClose}>
      <p>The second factor is on. When your app is lost, each of these lets you in once:</p>
      <ul className="recovery-codes mono">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <p>
        <CopyButton text={codes.join("\n")} what="the recovery codes" hasWord isFirst />
      </p>
      <Notice tone="warn">
        <p>They are shown this once: keep them where your password is not.</p>
      </Notice>
      <div className="form-actions">
        <button type="button" className="button primary" onClick={onClose}>
          I have kept them
        </button>
      </div>
    </Dialog>
  );
}
