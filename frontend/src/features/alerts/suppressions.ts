/** Suppression hooks: what is silent for an account; silence a detector, let it be heard again. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { bodyOf, client } from "../../api/client";
import type { Detector, Suppression } from "../../api/types";

/** Those in force. */
export function useSuppressions(accountId: string) {
  return useQuery<readonly Suppression[]>({
    queryKey: ["suppressions", accountId],
    queryFn: async ({ signal }) => {
      const query = { account_id: accountId };
      return bodyOf(await client.GET("/suppressions/", { params: { query }, signal }));
    },
  });
}

export interface Silence {
  detector: Detector;
  durationS: number;
  note: string;
}

export function useSilence(accountId: string) {
  const queryClient = useQueryClient();
  return useMutation<Suppression, Error, Silence>({
    mutationFn: async ({ detector, durationS, note }) => {
      const body = {
        account_id: accountId,
        detector,
        duration_s: durationS,
        ...(note !== "" && { note }),
      };
      return bodyOf(await client.POST("/suppressions/", { body }));
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["suppressions", accountId] }),
  });
}

export function useEndSilence(accountId: string) {
  const queryClient = useQueryClient();
  return useMutation<Suppression, Error, Suppression>({
    mutationFn: async ({ id }) => {
      const path = { suppression_id: id };
      return bodyOf(await client.POST("/suppressions/{suppression_id}/end", { params: { path } }));
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["suppressions", accountId] }),
  });
}
