/** SessionList: where somebody is signed in; each of them but this one can be ended. */
import type { SignIn } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Tag } from "../../components/Tags";
import { TimeUtc } from "../../components/TimeUtc";
import { nameDevice } from "./device";

interface SessionListProps {
  sessions: readonly SignIn[];
  onEnd: (session: SignIn) => void;
}

export function SessionList({ sessions, onEnd }: SessionListProps) {
  return (
    <ul className="sessions">
      {sessions.map((session) => (
        <li key={session.session_id} title={session.user_agent || undefined}>
          <Icon name="device" />
          <div className="grow">
            <p className="session-name">
              <strong>{nameDevice(session.user_agent)}</strong>{" "}
              {session.is_current && <Tag tone="good" icon="check" word="This one" />}
            </p>
            <p className="small muted">
              {session.address && (
                <>
                  From <span className="mono">{session.address}</span>,{" "}
                </>
              )}
              last used <TimeUtc instant={session.last_used_at} />
            </p>
            <p className="small muted">
              Signed in <TimeUtc instant={session.created_at} />, ends by itself{" "}
              <TimeUtc instant={session.expires_at} />
            </p>
          </div>
          {!session.is_current && (
            <button
              type="button"
              className="button"
              aria-label={`End the session of ${nameDevice(session.user_agent)}, ${session.address}`}
              onClick={() => onEnd(session)}
            >
              End
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
