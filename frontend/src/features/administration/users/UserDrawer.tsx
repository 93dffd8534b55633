/** UserDrawer: one person, and what an admin can do about them. */
import { useState } from "react";
import { Link } from "react-router";
import { panelStateOf } from "../../../api/queries";
import type { Role, User } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { Drawer } from "../../../components/Drawer";
import { ActiveTag, RoleTag } from "../../../components/Tags";
import { TimeUtc } from "../../../components/TimeUtc";
import { useIdentity } from "../../sign-in/session";
import { Act } from "../Act";
import { useUser } from "./queries";
import { ROLE_MEANS, ROLES } from "./roles";
import { UserActDialog } from "./UserActDialog";
import { writeSessions } from "./UserTable";

/** What is about to be done; the dialog asks first. */
export type UserAct =
  | { kind: "role"; role: Role }
  | { kind: "reset" }
  | { kind: "remove-second-factor" }
  | { kind: "sign-out" }
  | { kind: "disable" }
  | { kind: "enable" };

interface UserDrawerProps {
  id: string;
  /** What the list holds already. */
  known: User | undefined;
  onClose: () => void;
}

export function UserDrawer({ id, known, onClose }: UserDrawerProps) {
  const asked = useUser(id, known);
  const [act, setAct] = useState<UserAct | undefined>();
  const user = asked.data;
  return (
    <>
      <Drawer title="User" state={panelStateOf(asked)} onClose={onClose}>
        {user && (
          <>
            <UserFacts user={user} />
            <UserActs user={user} onAct={setAct} />
          </>
        )}
      </Drawer>
      {user && act && <UserActDialog user={user} act={act} onClose={() => setAct(undefined)} />}
    </>
  );
}

function UserFacts({ user }: { user: User }) {
  return (
    <>
      <div className="stack tight">
        <p className="break name">{user.email}</p>
        <p className="tags">
          <RoleTag role={user.role} />
          <ActiveTag isActive={user.is_active} />
        </p>
      </div>
      <dl className="facts">
        <dt>Last sign-in</dt>
        <dd>
          <TimeUtc instant={user.last_sign_in_at} isExact />
        </dd>
        <dt>Second factor</dt>
        <dd>{user.has_second_factor ? "on" : "off"}</dd>
        <dt>Sessions</dt>
        <dd>{user.session_count}</dd>
        <dt>Added</dt>
        <dd>
          <TimeUtc instant={user.created_at} isExact />
        </dd>
        <dt>Account</dt>
        <dd>
          <span className="mono">{user.account_id}</span>{" "}
          <CopyButton text={user.account_id} what="the account's id" />
        </dd>
        <dt>Id</dt>
        <dd>
          <span className="mono">{user.user_id}</span>{" "}
          <CopyButton text={user.user_id} what="the user's id" />
        </dd>
        <dt>Audit trail</dt>
        <dd>
          <Link to={`/admin/audit?${new URLSearchParams({ actor: user.user_id })}`}>
            What they did
          </Link>
          {", "}
          <Link to={`/admin/audit?${new URLSearchParams({ subject: user.user_id })}`}>
            what was done to them
          </Link>
        </dd>
      </dl>
    </>
  );
}

function UserActs({ user, onAct }: { user: User; onAct: (act: UserAct) => void }) {
  const isOneself = useIdentity().user_id === user.user_id;
  const [chosen, setChosen] = useState<Role | undefined>();
  const role = chosen ?? user.role;
  return (
    <div className="acts">
      <Act
        title="Role"
        control={
          !isOneself && (
            <>
              <select
                className="input"
                aria-label="Role"
                value={role}
                onChange={(event) => setChosen(event.target.value as Role)}
              >
                {ROLES.map(([value, words]) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </select>
              <button
                type="button"
                className="button"
                aria-disabled={role === user.role}
                onClick={() => role !== user.role && onAct({ kind: "role", role })}
              >
                Change
              </button>
            </>
          )
        }
      >
        {isOneself ? "This is you: another admin can change your role." : ROLE_MEANS[role]}
      </Act>
      <Act
        title="Password"
        control={
          !isOneself && (
            <button type="button" className="button" onClick={() => onAct({ kind: "reset" })}>
              Reset password
            </button>
          )
        }
      >
        {isOneself ? (
          <>
            You change yours at <Link to="/account">Account</Link>.
          </>
        ) : (
          "Gives them a new one at random, which is shown once."
        )}
      </Act>
      {user.has_second_factor && !isOneself && (
        <Act
          title="Second factor"
          control={
            <button
              type="button"
              className="button"
              onClick={() => onAct({ kind: "remove-second-factor" })}
            >
              Take away
            </button>
          }
        >
          For somebody who lost app and recovery codes.
        </Act>
      )}
      <Act
        title="Sessions"
        control={
          <button type="button" className="button" onClick={() => onAct({ kind: "sign-out" })}>
            Sign out everywhere
          </button>
        }
      >
        {isOneself ? "You have" : "They have"} {writeSessions(user.session_count)}
        {isOneself && ", this one included"}.
      </Act>
      <Act
        title={user.is_active ? "Disable" : "Enable"}
        control={
          <button
            type="button"
            className={`button ${user.is_active ? "bad" : "good"}`}
            onClick={() => onAct({ kind: user.is_active ? "disable" : "enable" })}
          >
            {user.is_active ? "Disable" : "Enable"}
          </button>
        }
      >
        {user.is_active
          ? `${isOneself ? "You" : "They"} cannot sign in until somebody enables ${isOneself ? "you" : "them"} again. Nothing is deleted.`
          : "They can sign in again, with the password they had."}
      </Act>
    </div>
  );
}
