/** LivePage: a page of the signed-in part; it says whether what it shows is live. */
import type { ReactNode } from "react";
import { ConnectionChip } from "../../components/ConnectionChip";
import { Page } from "../../components/Page";
import { useLive } from "./LiveProvider";

interface LivePageProps {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function LivePage({ title, actions, children }: LivePageProps) {
  const { connection, heardAtMs, retryNow } = useLive();
  return (
    <Page
      title={title}
      actions={
        <>
          <ConnectionChip connection={connection} heardAtMs={heardAtMs} onRetry={retryNow} />
          {actions}
        </>
      }
    >
      {children}
    </Page>
  );
}
