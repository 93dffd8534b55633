/** UserTable: one line a person; it opens what can be done about them. */
import { Link } from "react-router";
import type { User } from "../../../api/types";
import { ActiveTag, RoleTag } from "../../../components/Tags";
import { TimeUtc } from "../../../components/TimeUtc";

interface UserTableProps {
  users: readonly User[];
  hrefOf: (user: User) => string;
}

export function UserTable({ users, hrefOf }: UserTableProps) {
  return (
    <div className="table-wrap">
      <table className="table rows fixed users">
        <caption className="visually-hidden">Users</caption>
        <thead>
          <tr>
            <th scope="col">E-mail</th>
            <th scope="col" className="role">
              Role
            </th>
            <th scope="col" className="wide state">
              State
            </th>
            <th scope="col" className="wide number sessions-column">
              Sessions
            </th>
            <th scope="col" className="wide time">
              Last sign-in
            </th>
            <th scope="col" className="wide time">
              Added
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.user_id} className={user.is_active ? undefined : "is-off"}>
              <td>
                <Link className="row-link clip" to={hrefOf(user)} preventScrollReset>
                  {user.email}
                </Link>
                <span className="under clip">
                  {user.is_active ? (
                    <>
                      {writeSessions(user.session_count)},{" "}
                      {user.last_sign_in_at ? (
                        <>
                          last sign-in <TimeUtc instant={user.last_sign_in_at} />
                        </>
                      ) : (
                        "never signed in"
                      )}
                    </>
                  ) : (
                    "Disabled"
                  )}
                </span>
              </td>
              <td>
                <RoleTag role={user.role} />
              </td>
              <td className="wide">
                <ActiveTag isActive={user.is_active} />
              </td>
              <td className="wide number">{user.session_count}</td>
              <td className="wide muted">
                <TimeUtc instant={user.last_sign_in_at} />
              </td>
              <td className="wide muted">
                <TimeUtc instant={user.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** "no session", "1 session", "3 sessions" */
export function writeSessions(count: number): string {
  return `${count === 0 ? "no" : count} session${count === 1 ? "" : "s"}`;
}
