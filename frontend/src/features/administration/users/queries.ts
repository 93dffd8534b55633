/** User hooks: the list, one of them, and what an admin does about them. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client, type Page, pageOf } from "../../../api/client";
import type { NewUser, Role, User } from "../../../api/types";
import type { Filters } from "../search";
import type { UserAct } from "./UserDrawer";

export const USER_FILTERS = ["email", "role", "is_active"] as const;
const PAGE_SIZE = 50;
const RENEW_MS = 15_000;
const USERS = ["users"] as const;

/** A page of the users. */
export function useUsers(filters: Filters<(typeof USER_FILTERS)[number]>, cursor: string | null) {
  return useQuery<Page<User>>({
    queryKey: [...USERS, "list", filters, cursor],
    queryFn: async ({ signal }) => {
      const { email, role, is_active } = filters;
      const query = {
        limit: PAGE_SIZE,
        ...(email && { email }),
        ...(role && { role: role as Role }),
        ...(is_active && { is_active: is_active === "true" }),
        ...(cursor !== null && { cursor }),
      };
      return pageOf(await client.GET("/users/", { params: { query }, signal }));
    },
    refetchInterval: RENEW_MS,
  });
}

export function useUser(id: string, known?: User) {
  return useQuery<User>({
    queryKey: [...USERS, "one", id],
    queryFn: async ({ signal }) =>
      bodyOf(await client.GET("/users/{user_id}", { params: { path: { user_id: id } }, signal })),
    ...(known && { placeholderData: known }),
  });
}

/** Returns what adds a user; the answer holds the password, and is kept nowhere. */
export function useAddUser() {
  const queryClient = useQueryClient();
  return async (email: string, role: Role): Promise<NewUser> => {
    const added = bodyOf(await client.POST("/users/", { body: { email, role } }));
    void queryClient.invalidateQueries({ queryKey: USERS });
    return added;
  };
}

/** What came of an act: a password when there is a new one. */
export interface UserActed {
  password?: string;
}

/** Returns what does something to a user; the answer may hold a password, and is kept nowhere. */
export function useActOnUser() {
  const queryClient = useQueryClient();
  return async (userId: string, act: UserAct): Promise<UserActed> => {
    const acted = await actOn(userId, act);
    void queryClient.invalidateQueries({ queryKey: USERS });
    return acted;
  };
}

async function actOn(userId: string, act: UserAct): Promise<UserActed> {
  const params = { path: { user_id: userId } };
  switch (act.kind) {
    case "role":
      bodyOf(await client.POST("/users/{user_id}/role", { params, body: { role: act.role } }));
      return {};
    case "reset":
      return { password: bodyOf(await client.POST("/users/{user_id}/reset", { params })).password };
    case "remove-second-factor":
      bodyOf(await client.POST("/users/{user_id}/remove-second-factor", { params }));
      return {};
    case "sign-out":
      bodyOf(await client.POST("/users/{user_id}/sign-out", { params }));
      return {};
    case "disable":
      bodyOf(await client.POST("/users/{user_id}/disable", { params }));
      return {};
    case "enable":
      bodyOf(await client.POST("/users/{user_id}/enable", { params }));
      return {};
  }
}
