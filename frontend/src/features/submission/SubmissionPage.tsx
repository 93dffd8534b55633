/** SubmissionPage: enters one transaction. */
import type { NewTransaction, Transaction } from "../../api/types";
import { Notice } from "../../components/Notice";
import { LivePage } from "../live/LivePage";
import { may, useIdentity } from "../sign-in/session";
import { useTransaction } from "../transactions/queries";
import { Accepted, Checking } from "./Outcome";
import { SubmissionFields } from "./SubmissionFields";
import { useSubmission } from "./useSubmission";

export function SubmissionPage() {
  const identity = useIdentity();
  const { submission, state } = useSubmission();
  const mayChooseAccount = may(identity, "transactions:write_any");
  const submit = (body: NewTransaction) => submission.submit(body);
  return (
    <LivePage title="New transaction">
      <div className="form-page">
        {(state.step === "editing" || state.step === "sending") && (
          <>
            {state.step === "editing" && state.hasGivenUp && (
              <Notice tone="warn">
                <p>
                  The last one may have been taken all the same. Look into the history before you
                  enter it again.
                </p>
              </Notice>
            )}
            <SubmissionFields
              ownAccount={identity.account_id ?? undefined}
              mayChooseAccount={mayChooseAccount}
              isSending={state.step === "sending"}
              refusal={state.step === "editing" ? state.refusal : undefined}
              draft={state.step === "editing" ? state.draft : undefined}
              onSubmit={submit}
            />
          </>
        )}
        {state.step === "checking" && (
          <Checking
            state={state}
            onCheckNow={() => submission.checkNow()}
            onGiveUp={() => submission.giveUp()}
          />
        )}
        {state.step === "accepted" && (
          <Followed
            transaction={state.transaction}
            wasReplayed={state.wasReplayed}
            onStartOver={() => submission.startOver()}
          />
        )}
      </div>
    </LivePage>
  );
}

interface FollowedProps {
  transaction: Transaction;
  wasReplayed: boolean;
  onStartOver: () => void;
}

/** The accepted transaction, followed until it is written and scored. */
function Followed({ transaction, wasReplayed, onStartOver }: FollowedProps) {
  const latest = useTransaction(transaction.id, transaction).data ?? transaction;
  return <Accepted transaction={latest} wasReplayed={wasReplayed} onStartOver={onStartOver} />;
}
