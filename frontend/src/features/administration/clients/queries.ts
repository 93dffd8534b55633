/** Client hooks: the services, one of them, and what an admin does about them. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../../api/client";
import type { NewServiceClient, ServiceClient } from "../../../api/types";
import type { Scope } from "../../../scopes";
import type { SwitchAct } from "./ClientActDialog";

const PAGE_SIZE = 50;
const RENEW_MS = 15_000;
const CLIENTS = ["clients"] as const;

/** A page of the service clients. */
export function useClients(cursor: string | null) {
  return useQuery<Page<ServiceClient>>({
    queryKey: [...CLIENTS, "list", cursor],
    queryFn: async ({ signal }) => {
      const query = { limit: PAGE_SIZE, ...(cursor !== null && { cursor }) };
      return pageOf(await client.GET("/clients/", { params: { query }, signal }));
    },
    refetchInterval: RENEW_MS,
  });
}

export function useClient(id: string, known?: ServiceClient) {
  return useQuery<ServiceClient>({
    queryKey: [...CLIENTS, "one", id],
    queryFn: async ({ signal }) =>
      bodyOf(
        await client.GET("/clients/{client_id}", { params: { path: { client_id: id } }, signal }),
      ),
    ...(known && { placeholderData: known }),
  });
}

/** Returns what adds a client; the answer holds its secret, and is kept nowhere. */
export function useAddClient() {
  const queryClient = useQueryClient();
  return async (name: string, scopes: Scope[]): Promise<NewServiceClient> => {
    const added = bodyOf(await client.POST("/clients/", { body: { name, scopes } }));
    void queryClient.invalidateQueries({ queryKey: CLIENTS });
    return added;
  };
}

/** Returns what gives a client another secret. overlapS: seconds for which the older one goes on. */
export function useRotateSecret() {
  const queryClient = useQueryClient();
  return async (clientId: string, overlapS: number): Promise<NewServiceClient> => {
    const rotated = bodyOf(
      await client.POST("/clients/{client_id}/rotate", {
        params: { path: { client_id: clientId } },
        body: { overlap_s: overlapS },
      }),
    );
    void queryClient.invalidateQueries({ queryKey: CLIENTS });
    return rotated;
  };
}

/** Returns what shuts a client out or lets it in again. */
export function useActOnClient() {
  const queryClient = useQueryClient();
  return async (clientId: string, act: SwitchAct): Promise<void> => {
    await actOn(clientId, act);
    void queryClient.invalidateQueries({ queryKey: CLIENTS });
  };
}

async function actOn(clientId: string, act: SwitchAct): Promise<ServiceClient> {
  const params = { path: { client_id: clientId } };
  switch (act) {
    case "revoke":
      return bodyOf(await client.POST("/clients/{client_id}/revoke", { params }));
    case "disable":
      return bodyOf(await client.POST("/clients/{client_id}/disable", { params }));
    case "enable":
      return bodyOf(await client.POST("/clients/{client_id}/enable", { params }));
  }
}
