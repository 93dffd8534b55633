/** Key hooks: the signing keys and their rotation. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client } from "../../../api/client";
import type { SigningKey } from "../../../api/types";

const KEYS = ["signing-keys"] as const;
const RENEW_MS = 15_000;
/** While a new key waits for its turn. */
const CHANGING_MS = 2_000;

export function useSigningKeys() {
  return useQuery<readonly SigningKey[]>({
    queryKey: KEYS,
    queryFn: async ({ signal }) => bodyOf(await client.GET("/keys/", { signal })),
    refetchInterval: ({ state }) =>
      state.data?.some((key) => key.state === "next") ? CHANGING_MS : RENEW_MS,
  });
}

/** Returns what rotates the keys; voidsOlder: every token signed so far is refused. */
export function useRotateKeys() {
  const queryClient = useQueryClient();
  return async (voidsOlder: boolean): Promise<void> => {
    const body = { void_older: voidsOlder };
    const keys = bodyOf(await client.POST("/keys/rotate", { body }));
    queryClient.setQueryData(KEYS, keys);
  };
}
