/** ClientsPage: the services that act for themselves; page in the address, one of them beside. */
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { panelStateOf } from "../../../api/queries";
import { Icon } from "../../../components/Icon";
import { Panel } from "../../../components/Panel";
import { AdministrationPage } from "../AdministrationPage";
import { PageFoot } from "../PageFoot";
import { searchWith } from "../search";
import { AddClientDialog } from "./AddClientDialog";
import { ClientDrawer } from "./ClientDrawer";
import { ClientTable } from "./ClientTable";
import { useClients } from "./queries";

export function ClientsPage() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const [isAdding, setIsAdding] = useState(false);
  const asked = useClients(parameters.get("cursor"));
  const clients = asked.data?.items ?? [];
  const openId = parameters.get("client");
  const add = (
    <button type="button" className="button primary" onClick={() => setIsAdding(true)}>
      <Icon name="plus" /> Add client
    </button>
  );
  return (
    <AdministrationPage title="Service clients" actions={add}>
      <Panel
        title="Services that sign in by themselves"
        state={panelStateOf(asked, (page) =>
          page.items.length > 0
            ? undefined
            : {
                kind: "empty",
                icon: "client",
                title: "No service clients yet",
                children: <p>A service gets an id, a secret, and just the scopes that it needs.</p>,
              },
        )}
        isFlush
        skeletonLines={8}
        foot={<PageFoot count={clients.length} nextQuery={asked.data?.nextQuery} />}
      >
        <ClientTable
          clients={clients}
          hrefOf={(client) => searchWith(parameters, { client: client.client_id })}
        />
      </Panel>
      {openId && (
        <ClientDrawer
          key={openId}
          id={openId}
          known={clients.find((client) => client.client_id === openId)}
          onClose={() =>
            navigate(searchWith(parameters, { client: undefined }), { preventScrollReset: true })
          }
        />
      )}
      {isAdding && <AddClientDialog onClose={() => setIsAdding(false)} />}
    </AdministrationPage>
  );
}
