/** AlertsPage: the queue of fraud alerts, and one of them in full to be decided. */
import { useEffect, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { panelStateOf } from "../../api/queries";
import type { Alert } from "../../api/types";
import { Icon } from "../../components/Icon";
import { Panel } from "../../components/Panel";
import { LivePage } from "../live/LivePage";
import { may, useIdentity } from "../sign-in/session";
import { AccountHistory } from "./AccountHistory";
import { AlertActs } from "./AlertActs";
import { AlertDetails } from "./AlertDetails";
import { AlertHistory } from "./AlertHistory";
import { AlertList } from "./AlertList";
import "./alerts.css";
import { Burst } from "./Burst";
import { type Order, useAlert, useAlerts, useBudget } from "./queries";
import { Silenced } from "./Silenced";
import { TakeNext } from "./TakeNext";

export function AlertsPage() {
  const [parameters] = useSearchParams();
  const navigate = useNavigate();
  const status = parameters.get("status") === "resolved" ? "resolved" : "open";
  const selectedId = parameters.get("alert");
  const searchOf = (id?: string) => {
    const search = new URLSearchParams();
    if (status === "resolved") {
      search.set("status", status);
    }
    if (id) {
      search.set("alert", id);
    }
    return `?${search}`;
  };
  return (
    <LivePage
      title="Alerts"
      actions={
        <div className="segmented">
          {(["open", "resolved"] as const).map((value) => (
            <button
              type="button"
              key={value}
              aria-pressed={status === value}
              onClick={() => navigate(value === "open" ? "?" : "?status=resolved")}
            >
              {value === "open" ? "Open" : "Resolved"}
            </button>
          ))}
        </div>
      }
    >
      <div className="split" data-selected={selectedId !== null}>
        <Queue
          key={status}
          status={status}
          selectedId={selectedId}
          hrefOf={(alert) => searchOf(alert.id)}
          onSuggest={(alert) => navigate(searchOf(alert.id), { replace: true })}
          onTaken={(alert) => navigate(searchOf(alert.id))}
        />
        {selectedId ? (
          <Detail key={selectedId} id={selectedId} hrefOf={searchOf} />
        ) : (
          <section className="panel detail-empty" aria-label="Alert">
            <div className="slot">
              <Icon name="shield" />
              <p>Choose an alert to see why it was raised.</p>
            </div>
          </section>
        )}
      </div>
    </LivePage>
  );
}

interface QueueProps {
  status: Alert["status"];
  selectedId: string | null;
  hrefOf: (alert: Alert) => string;
  /** An alert to show when none was chosen, and there is room for one. */
  onSuggest: (alert: Alert) => void;
  /** The next alert is this visitor's. */
  onTaken: (alert: Alert) => void;
}

// As in alerts.css: queue and alert side by side.
const HAS_ROOM = "(min-width: 60.001rem)";

function Queue({ status, selectedId, hrefOf, onSuggest, onTaken }: QueueProps) {
  const identity = useIdentity();
  const [chosen, setOrder] = useState<Order>("newest");
  const order = status === "open" ? chosen : "newest";
  const asked = useAlerts(status, order);
  const budget = useBudget().data;
  const [isWithinWanted, setWithinWanted] = useState(false);
  const cut = status === "open" ? (budget?.score_cut ?? null) : null;
  const loaded = asked.data?.pages.flatMap((page) => page.items) ?? [];
  const alerts =
    cut !== null && isWithinWanted ? loaded.filter((alert) => alert.score >= cut) : loaded;
  const state = panelStateOf(asked, (data) => {
    if (data.pages.some((page) => page.items.length > 0)) {
      return undefined;
    }
    return status === "open"
      ? { kind: "empty", icon: "shield", title: "The queue is clear" }
      : { kind: "empty", icon: "alerts", title: "No alert was resolved yet" };
  });
  const first = alerts[0];
  const isFirstWanted = selectedId === null && first !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the queue is there
  useEffect(() => {
    if (isFirstWanted && matchMedia(HAS_ROOM).matches) {
      onSuggest(first);
    }
  }, [isFirstWanted]);
  return (
    <div className="queue">
      <Panel
        title={status === "open" ? "Waiting for a decision" : "Resolved"}
        state={state}
        isFlush
        skeletonLines={10}
        actions={
          status === "open" && (
            <>
              <label>
                <span className="visually-hidden">Order</span>
                <select
                  className="input"
                  value={order}
                  onChange={(event) => setOrder(event.target.value as Order)}
                >
                  <option value="newest">Newest first</option>
                  <option value="expected_loss">Largest expected loss first</option>
                </select>
              </label>
              {may(identity, "alerts:write") && <TakeNext onTaken={onTaken} />}
            </>
          )
        }
        foot={
          <>
            <span className="small muted">
              {alerts.length} shown{asked.hasNextPage && ", there are more"}
            </span>
            {asked.hasNextPage && (
              <button
                type="button"
                className="button"
                aria-disabled={asked.isFetchingNextPage}
                onClick={() => asked.fetchNextPage()}
              >
                Load more
              </button>
            )}
          </>
        }
      >
        {cut !== null && budget && (
          <label className="budget small">
            <input
              type="checkbox"
              checked={isWithinWanted}
              onChange={(event) => setWithinWanted(event.target.checked)}
            />
            <span>
              Within the budget only: {budget.raised_per_hour.toFixed(1)} an hour were raised where{" "}
              {budget.budget_per_hour} can be looked at, which cuts at score {cut.toFixed(3)}.{" "}
              {budget.open_below} wait below.
            </span>
          </label>
        )}
        <AlertList alerts={alerts} selectedId={selectedId} hrefOf={hrefOf} />
      </Panel>
    </div>
  );
}

interface DetailProps {
  id: string;
  hrefOf: (id?: string) => string;
}

function Detail({ id, hrefOf }: DetailProps) {
  const identity = useIdentity();
  const asked = useAlert(id);
  const queue = useAlerts("open").data?.pages[0]?.items;
  const alert = asked.data;
  const next = queue?.find((waiting) => waiting.id !== id);
  return (
    <div className="stack detail">
      <Panel
        title="Alert"
        state={panelStateOf(asked)}
        skeletonLines={10}
        actions={
          <>
            <Link className="button quiet back" to={hrefOf()}>
              <Icon name="first" /> Queue
            </Link>
            {next && alert?.status === "resolved" && (
              <Link className="button primary" to={`?alert=${next.id}`}>
                Next alert <Icon name="next" />
              </Link>
            )}
          </>
        }
      >
        {alert && (
          <AlertDetails
            alert={alert}
            acts={
              may(identity, "alerts:write") && <AlertActs alert={alert} myself={identity.email} />
            }
          />
        )}
      </Panel>
      {alert && alert.transaction_count > 1 && <Burst alert={alert} />}
      {alert && alert.version > 1 && <AlertHistory alert={alert} />}
      {alert && may(identity, "alerts:write") && <Silenced alert={alert} />}
      {alert && may(identity, "transactions:read_any") && (
        <AccountHistory accountId={alert.account_id} />
      )}
    </div>
  );
}
