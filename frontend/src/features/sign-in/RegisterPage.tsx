/** RegisterPage: makes an account and signs in with it. */
import { Link, useSearchParams } from "react-router";
import { Refusal, sentenceOf } from "../../api/problem";
import { session } from "../../api/session";
import { CredentialsForm } from "./CredentialsForm";
import type { Credentials } from "./form";
import { NarrowPage } from "./NarrowPage";

export function RegisterPage() {
  const [parameters] = useSearchParams();
  const register = async ({ email, password }: Credentials) => {
    try {
      await session.register(email, password);
      await session.signIn(email, password);
      return undefined;
    } catch (error) {
      return error instanceof Refusal && error.status === 409
        ? "This e-mail address cannot be registered. If it is yours, sign in."
        : sentenceOf(error);
    }
  };
  return (
    <NarrowPage title="Make an account">
      <CredentialsForm isNew submitWord="Make account" onSubmit={register} />
      <p className="muted">
        You have one? <Link to={`/login?${parameters}`}>Sign in</Link>
      </p>
    </NarrowPage>
  );
}
