/** TakeNext: the alert that is due next becomes the visitor's, and nobody else's. */
import { sentenceOf } from "../../api/problem";
import type { Alert } from "../../api/types";
import { useToast } from "../../components/Toaster";
import { useTakeNext } from "./queries";

export function TakeNext({ onTaken }: { onTaken: (alert: Alert) => void }) {
  const taking = useTakeNext();
  const toast = useToast();
  const take = () => {
    if (taking.isPending) {
      return;
    }
    taking.mutate(undefined, {
      onSuccess: (alert) => (alert ? onTaken(alert) : toast("shield", "No alert waits for you")),
      onError: (error) => toast("alerts", sentenceOf(error)),
    });
  };
  return (
    <button
      type="button"
      className="button primary"
      aria-disabled={taking.isPending}
      title="The largest expected loss that nobody else has"
      onClick={take}
    >
      Take next
    </button>
  );
}
