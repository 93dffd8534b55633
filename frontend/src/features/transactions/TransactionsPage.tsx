/** TransactionsPage: the history, live at its newest page; filters and paging in the address. */
import { useMemo, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { panelStateOf } from "../../api/queries";
import type { Transaction } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Panel } from "../../components/Panel";
import { LivePage } from "../live/LivePage";
import { may, useIdentity } from "../sign-in/session";
import { Announcer } from "./Announcer";
import { FilterBox } from "./FilterBox";
import { type Filters, readFilters, writeFilters } from "./filters";
import { useTransactions } from "./queries";
import { TransactionDrawer } from "./TransactionDrawer";
import { TransactionTable } from "./TransactionTable";
import { usePause } from "./usePause";

export function TransactionsPage() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const identity = useIdentity();
  const place = writeFilters(readFilters(parameters)).toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(place)), [place]);
  const cursor = parameters.get("cursor");
  return (
    <LivePage
      title="Transactions"
      actions={
        may(identity, "transactions:write") && (
          <Link className="button primary" to="/transactions/new">
            <Icon name="plus" /> New
          </Link>
        )
      }
    >
      <FilterBox
        filters={filters}
        onChange={(chosen) => navigate({ search: writeFilters(chosen).toString() })}
      />
      <History
        key={`${place} ${cursor}`}
        filters={filters}
        cursor={cursor}
        openId={parameters.get("transaction")}
        hasAccounts={may(identity, "transactions:read_any")}
      />
    </LivePage>
  );
}

interface HistoryProps {
  filters: Filters;
  cursor: string | null;
  openId: string | null;
  hasAccounts: boolean;
}

const NOTHING: readonly Transaction[] = [];

function History({ filters, cursor, openId, hasAccounts }: HistoryProps) {
  const navigate = useNavigate();
  const asked = useTransactions(filters, cursor);
  const live = asked.data?.items ?? NOTHING;
  const { rows, isPaused, newCount, toggle } = usePause(live);
  const [firstId, setFirstId] = useState<string | undefined>();
  if (firstId === undefined && asked.data) {
    setFirstId(live[0]?.id ?? "");
  }
  const searchOf = (changes: Record<string, string | undefined>) => {
    const search = writeFilters(filters);
    for (const [name, value] of Object.entries({ cursor: cursor ?? undefined, ...changes })) {
      if (value !== undefined) {
        search.set(name, value);
      }
    }
    return `?${search}`;
  };
  const hasFilters = Object.keys(filters).length > 0;
  const state = panelStateOf(asked, (page) => {
    if (page.items.length > 0) {
      return undefined;
    }
    return hasFilters
      ? { kind: "empty", icon: "search", title: "No transaction matches these filters" }
      : { kind: "empty", icon: "transactions", title: "No transactions yet" };
  });
  const isLive = cursor === null;
  return (
    <>
      <Panel
        title={isLive ? "Newest" : "Older"}
        state={state}
        isFlush
        skeletonLines={14}
        actions={
          isLive && (
            <button type="button" className="button" aria-pressed={isPaused} onClick={toggle}>
              <Icon name={isPaused ? "play" : "pause"} />
              {isPaused ? `Resume · ${newCount} new` : "Pause"}
            </button>
          )
        }
        foot={
          <>
            <span className="small muted">
              {rows.length} shown{isPaused && ", held still"}
            </span>
            <nav className="end" aria-label="Pages">
              {!isLive && (
                <Link className="button" to={`?${writeFilters(filters)}`}>
                  <Icon name="first" /> Newest
                </Link>
              )}
              {asked.data?.nextQuery && (
                <Link className="button" to={`?${asked.data.nextQuery}`}>
                  Older <Icon name="next" />
                </Link>
              )}
            </nav>
          </>
        }
      >
        <TransactionTable
          caption="Transactions, newest first"
          transactions={rows}
          hasAccounts={hasAccounts}
          newAfterId={firstId}
          hrefOf={(transaction) => searchOf({ transaction: transaction.id })}
        />
      </Panel>
      {isLive && asked.data && (
        <Announcer
          newestId={live[0]?.id ?? ""}
          count={(after) => live.filter((transaction) => transaction.id > after).length}
        />
      )}
      {openId && (
        <TransactionDrawer
          id={openId}
          known={rows.find((transaction) => transaction.id === openId)}
          onClose={() => navigate(searchOf({}), { preventScrollReset: true })}
        />
      )}
    </>
  );
}
