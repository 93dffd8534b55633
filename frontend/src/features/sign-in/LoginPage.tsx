/** LoginPage: begins a session and goes on to where the visitor wanted to be. */
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { Refusal, sentenceOf } from "../../api/problem";
import { CODE_NEEDED, session } from "../../api/session";
import { Notice } from "../../components/Notice";
import { CodeForm } from "./CodeForm";
import { CredentialsForm } from "./CredentialsForm";
import type { Credentials } from "./form";
import { NarrowPage } from "./NarrowPage";
import { useSessionState } from "./session";

export function LoginPage() {
  const [parameters] = useSearchParams();
  const state = useSessionState();
  // Found right, and waiting for a code: in memory, until it has come or this page goes.
  const [credentials, setCredentials] = useState<Credentials | undefined>();
  const hasExpired = state.phase === "signed-out" && state.hasExpired;
  const signIn = async (given: Credentials) => {
    try {
      await session.signIn(given.email, given.password);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal && error.type === CODE_NEEDED) {
        setCredentials(given);
        return undefined;
      }
      return error instanceof Refusal && error.status === 401
        ? "E-mail or password is wrong."
        : sentenceOf(error);
    }
  };
  if (credentials) {
    return (
      <NarrowPage title="One-time code" key="code">
        <CodeForm
          onCode={(code) => session.signIn(credentials.email, credentials.password, code)}
          onBack={() => setCredentials(undefined)}
        />
      </NarrowPage>
    );
  }
  return (
    <NarrowPage title="Sign in" key="password">
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
