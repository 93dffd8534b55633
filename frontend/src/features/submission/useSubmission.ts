/** useSubmission: the intent of this page, kept over its renders and taken up after a reload. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { bodyOf, client } from "../../api/client";
import { useIdentity } from "../sign-in/session";
import { takeTransactions } from "../transactions/live";
import { Submission } from "./submission";

export function useSubmission() {
  const queryClient = useQueryClient();
  const { user_id: userId } = useIdentity();
  const [submission] = useState(
    () =>
      new Submission({
        userId,
        storage: sessionStorage,
        newKey,
        now: Date.now,
        post: async (body, key) => {
          const answer = await client.POST("/transactions/", {
            params: { header: { "Idempotency-Key": key } },
            body,
          });
          const transaction = bodyOf(answer);
          queryClient.setQueryData(["transactions", "one", transaction.id], transaction);
          takeTransactions(queryClient, [transaction]);
          const wasReplayed = answer.response.headers.get("idempotency-replayed") === "true";
          return { transaction, wasReplayed };
        },
      }),
  );
  useEffect(() => {
    submission.resume();
    return () => submission.leave();
  }, [submission]);
  const state = useSyncExternalStore(submission.subscribe, submission.state);
  return { submission, state };
}

/** 128 random bits; `randomUUID` exists in secure contexts only, this everywhere. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
