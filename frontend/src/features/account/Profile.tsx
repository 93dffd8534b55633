/** Profile: who is signed in, as the gateway knows them. */
import type { Identity } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { RoleTag } from "../../components/Tags";
import { describeScope } from "../../scopes";

export function Profile({ identity }: { identity: Identity }) {
  return (
    <div className="stack">
      <dl className="facts">
        <dt>E-mail</dt>
        <dd>
          <strong>{identity.email}</strong>
        </dd>
        <dt>Role</dt>
        <dd>
          <RoleTag role={identity.role} />
        </dd>
        {identity.account_id && (
          <>
            <dt>Account</dt>
            <dd>
              <span className="mono">{identity.account_id}</span>{" "}
              <CopyButton text={identity.account_id} what="the account's id" />
            </dd>
          </>
        )}
      </dl>
      <details>
        <summary>What you may do</summary>
        <ul className="bullets">
          {identity.scopes.map((scope) => (
            <li key={scope}>{describeScope(scope)}</li>
          ))}
        </ul>
      </details>
    </div>
  );
}
