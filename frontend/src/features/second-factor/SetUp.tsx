/** SetUp: password, then the secret for the app and a code of it, then the recovery codes. */
import { type FormEvent, useState } from "react";
import { useAct } from "../../act";
import { bodyOf, client } from "../../api/client";
import { problemOfField, sentenceOf } from "../../api/problem";
import { session } from "../../api/session";
import type { NewSecondFactor } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { Failure } from "../../components/Failure";
import { PasswordField } from "../../components/PasswordField";
import { CodeField } from "./CodeField";
import { QrCode } from "./QrCode";
import { RecoveryCodes } from "./RecoveryCodes";

/** onDone: it is on, and the recovery codes were seen. */
export function SetUp({ onDone }: { onDone: () => void }) {
  const [made, setMade] = useState<NewSecondFactor | undefined>();
  const [recoveryCodes, setRecoveryCodes] = useState<readonly string[] | undefined>();
  return (
    <>
      {made ? (
        <Confirmation made={made} onConfirmed={setRecoveryCodes} />
      ) : (
        <PasswordStep onMade={setMade} />
      )}
      {recoveryCodes && <RecoveryCodes codes={recoveryCodes} onClose={onDone} />}
    </>
  );
}

function PasswordStep({ onMade }: { onMade: (made: NewSecondFactor) => void }) {
  const [password, setPassword] = useState("");
  const [isMissing, setIsMissing] = useState(false);
  const act = useAct(
    async (current: string) =>
      bodyOf(await client.POST("/auth/second-factor", { body: { current_password: current } })),
    onMade,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsMissing(password === "");
    if (password !== "") {
      act.run(password);
    }
  };
  return (
    <form className="form" noValidate onSubmit={submit}>
      {act.error !== undefined && (
        <Failure what="Nothing was changed.">{sentenceOf(act.error)}</Failure>
      )}
      <p>
        Signing in then takes a code of an authenticator app besides your password. Nobody gets in
        with your password alone.
      </p>
      <PasswordField
        label="Current password"
        problem={isMissing ? "Enter your current password." : undefined}
        autoComplete="current-password"
        field={{ value: password, onChange: (event) => setPassword(event.target.value) }}
      />
      <div className="form-actions">
        <button type="submit" className="button primary" aria-disabled={act.isUnderWay}>
          {act.isUnderWay ? "One moment…" : "Set up"}
        </button>
      </div>
    </form>
  );
}

interface ConfirmationProps {
  made: NewSecondFactor;
  onConfirmed: (recoveryCodes: readonly string[]) => void;
}

function Confirmation({ made, onConfirmed }: ConfirmationProps) {
  const [code, setCode] = useState("");
  const act = useAct((typed: string) => session.confirmSecondFactor(typed), onConfirmed);
  const problem = problemOfField(act.error, "one_time_code");
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        act.run(code.trim() || "-");
      }}
    >
      {act.error !== undefined && !problem && (
        <Failure what="It is not on yet.">{sentenceOf(act.error)}</Failure>
      )}
      <p>Scan this with your authenticator app:</p>
      <QrCode text={made.uri} label="QR code of the secret" />
      <p className="small">
        Or enter this key in the app: <span className="mono break">{made.secret}</span>{" "}
        <CopyButton text={made.secret} what="the key" />
      </p>
      <CodeField value={code} onChange={setCode} problem={problem} />
      <div className="form-actions">
        <button type="submit" className="button primary" aria-disabled={act.isUnderWay}>
          {act.isUnderWay ? "One moment…" : "Turn on"}
        </button>
        <span className="small muted">Your other sessions end with it.</span>
      </div>
    </form>
  );
}
