/** AddUserDialog: an e-mail address and a role make somebody who can sign in. */
import { type FormEvent, useState } from "react";
import { useAct } from "../../../act";
import { problemOfField, sentenceOf } from "../../../api/problem";
import type { Role } from "../../../api/types";
import { Dialog } from "../../../components/Dialog";
import { Failure } from "../../../components/Failure";
import { FormActions } from "../../../components/FormActions";
import { FormField } from "../../../components/FormField";
import { type Credential, SecretDialog } from "../../../components/SecretDialog";
import { SelectField } from "../../../components/SelectField";
import { EMAIL } from "../../sign-in/form";
import { useAddUser } from "./queries";
import { ROLE_MEANS, ROLES } from "./roles";

export function AddUserDialog({ onClose }: { onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("customer");
  const [problem, setProblem] = useState<string | undefined>();
  const [added, setAdded] = useState<readonly Credential[] | undefined>();
  const act = useAct(useAddUser(), (user) =>
    setAdded([
      { label: "E-mail", text: user.email },
      { label: "Password", text: user.password },
    ]),
  );
  if (added) {
    return (
      <SecretDialog title="User added" credentials={added} onClose={onClose}>
        <p>They sign in with these, as {role}, and change the password at “Account”.</p>
      </SecretDialog>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isAddress = EMAIL.test(email.trim());
    setProblem(isAddress ? undefined : "Enter an e-mail address such as ana@example.com.");
    if (isAddress) {
      act.run(email.trim(), role);
    }
  };
  return (
    <Dialog title="Add a user" onClose={onClose}>
      <form className="form" noValidate onSubmit={submit}>
        {act.error !== undefined && (
          <Failure what="Nobody was added.">{sentenceOf(act.error)}</Failure>
        )}
        <FormField label="E-mail" problem={problem ?? problemOfField(act.error, "email")}>
          {(control) => (
            <input
              {...control}
              type="email"
              data-first
              required
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </FormField>
        <SelectField
          label="Role"
          hint={ROLE_MEANS[role]}
          problem={problemOfField(act.error, "role")}
          choices={ROLES}
          value={role}
          onChange={setRole}
        />
        <FormActions word="Add user" isSending={act.isUnderWay} onClose={onClose} />
      </form>
    </Dialog>
  );
}
