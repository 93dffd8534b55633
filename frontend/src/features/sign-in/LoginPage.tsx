/** LoginPage: begins a session and goes on to where the visitor wanted to be. */
import { Link, useSearchParams } from "react-router";
import { Refusal, sentenceOf } from "../../api/problem";
import { session } from "../../api/session";
import { Notice } from "../../components/Notice";
import { CredentialsForm } from "./CredentialsForm";
import type { Credentials } from "./form";
import { NarrowPage } from "./NarrowPage";
import { useSessionState } from "./session";

export function LoginPage() {
  const [parameters] = useSearchParams();
  const state = useSessionState();
  const hasExpired = state.phase === "signed-out" && state.hasExpired;
  const signIn = async ({ email, password }: Credentials) => {
    try {
      await session.signIn(email, password);
      return undefined;
    } catch (error) {
      return error instanceof Refusal && error.status === 401
        ? "E-mail or password is wrong."
        : sentenceOf(error);
    }
  };
  return (
    <NarrowPage title="Sign in">
      {hasExpired && (
        <Notice tone="info">
          <p>Your session has ended. Sign in to go on where you were.</p>
        </Notice>
      )}
      <CredentialsForm isNew={false} submitWord="Sign in" onSubmit={signIn} />
      <p className="muted">
        New here? <Link to={`/register?${parameters}`}>Make an account</Link>
      </p>
    </NarrowPage>
  );
}
