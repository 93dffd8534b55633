/** ClientTable: one line a service; it opens what can be done about it. */
import { Link } from "react-router";
import type { ServiceClient } from "../../../api/types";
import { ActiveTag, Tag } from "../../../components/Tags";
import { TimeUtc } from "../../../components/TimeUtc";

interface ClientTableProps {
  clients: readonly ServiceClient[];
  hrefOf: (client: ServiceClient) => string;
}

export function ClientTable({ clients, hrefOf }: ClientTableProps) {
  return (
    <div className="table-wrap">
      <table className="table rows fixed clients">
        <caption className="visually-hidden">Service clients</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="wide scopes-column">
              Scopes
            </th>
            <th scope="col" className="state">
              State
            </th>
            <th scope="col" className="wide time">
              Added
            </th>
          </tr>
        </thead>
        <tbody>
          {clients.map((client) => (
            <tr key={client.client_id} className={client.is_active ? undefined : "is-off"}>
              <td>
                <Link className="row-link clip" to={hrefOf(client)} preventScrollReset>
                  {client.name}
                </Link>
                <span className="clip small muted mono">{client.client_id}</span>
                <span className="under clip">{client.scopes.join(" ")}</span>
              </td>
              <td className="wide">
                <span className="mono small">{client.scopes.join(" ")}</span>
              </td>
              <td>
                <ClientTag client={client} />
              </td>
              <td className="wide muted">
                <TimeUtc instant={client.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Whether it can sign in, and if not, why. */
export function ClientTag({ client }: { client: ServiceClient }) {
  if (client.secret_count > 0) {
    return <ActiveTag isActive={client.is_active} />;
  }
  return client.is_active ? (
    <Tag tone="warn" icon="key" word="No secret" />
  ) : (
    <ActiveTag isActive={false} offWord="Revoked" />
  );
}
