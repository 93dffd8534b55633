/** KeyTable: one line a signing key, and what it does at present. */
import type { SigningKey } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { Tag } from "../../../components/Tags";
import { TimeUtc } from "../../../components/TimeUtc";

export function KeyTable({ keys }: { keys: readonly SigningKey[] }) {
  return (
    <div className="table-wrap">
      <table className="table fixed keys">
        <caption className="visually-hidden">Signing keys</caption>
        <thead>
          <tr>
            <th scope="col">Key id</th>
            <th scope="col" className="state">
              State
            </th>
            <th scope="col" className="wide time">
              Made
            </th>
            <th scope="col" className="wide time">
              Retired
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.kid} className={key.state === "retired" ? "is-off" : undefined}>
              <td>
                <span className="mono break">{key.kid}</span>{" "}
                <CopyButton text={key.kid} what="the key's id" />
                <span className="under">
                  Made <TimeUtc instant={key.created_at} />
                  {key.retired_at && (
                    <>
                      , retired <TimeUtc instant={key.retired_at} />
                    </>
                  )}
                </span>
              </td>
              <td>
                <KeyTag state={key.state} />
              </td>
              <td className="wide muted">
                <TimeUtc instant={key.created_at} />
              </td>
              <td className="wide muted">
                <TimeUtc instant={key.retired_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KeyTag({ state }: { state: SigningKey["state"] }) {
  switch (state) {
    case "signing":
      return <Tag tone="good" icon="check" word="Signing" />;
    case "next":
      return <Tag tone="warn" icon="clock" word="Next" />;
    default:
      return <Tag tone="neutral" icon="pause" word="Retired" />;
  }
}
