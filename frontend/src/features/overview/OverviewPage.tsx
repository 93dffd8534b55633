/** OverviewPage: how things stand at a glance; each panel leads to its page. */
import { Link } from "react-router";
import { panelStateOf } from "../../api/queries";
import { Icon } from "../../components/Icon";
import { Panel } from "../../components/Panel";
import { useNow } from "../../now";
import { AlertList } from "../alerts/AlertList";
import { useAlerts } from "../alerts/queries";
import { ForecastFigure } from "../forecast/ForecastFigure";
import { useForecast } from "../forecast/queries";
import { forecastState } from "../forecast/states";
import { LivePage } from "../live/LivePage";
import { useLive } from "../live/LiveProvider";
import { may, useIdentity } from "../sign-in/session";
import { useStreamLength, useTransactions } from "../transactions/queries";
import { TransactionTable } from "../transactions/TransactionTable";
import { Kpis } from "./Kpis";
import { customerKpis, staffKpis } from "./numbers";
import { useSummary } from "./queries";

const LATEST_COUNT = 10;
const TOP_COUNT = 4;
const NO_FILTERS = {};

export function OverviewPage() {
  const identity = useIdentity();
  return (
    <LivePage
      title="Overview"
      actions={
        may(identity, "transactions:write") && (
          <Link className="button primary" to="/transactions/new">
            <Icon name="plus" /> New transaction
          </Link>
        )
      }
    >
      <div className="stack">
        {may(identity, "analytics:read") ? <StaffKpis /> : <CustomerKpis />}
        {may(identity, "alerts:read") ? (
          <div className="columns">
            <ForecastPanel />
            <TopAlerts />
          </div>
        ) : (
          <ForecastPanel />
        )}
        <Latest />
      </div>
    </LivePage>
  );
}

function StaffKpis() {
  const { counters, rates } = useLive();
  const summary = useSummary(true).data;
  const backlog = useStreamLength().data;
  return <Kpis kpis={staffKpis({ summary, counters, rates, backlog })} />;
}

function CustomerKpis() {
  const latest = useTransactions(NO_FILTERS, null).data?.items;
  const backlog = useStreamLength().data;
  const forecast = useForecast().data;
  return <Kpis kpis={customerKpis({ latest, backlog, forecast })} />;
}

function ForecastPanel() {
  const asked = useForecast();
  const nowMs = useNow(15_000);
  return (
    <Panel
      title="Load per minute"
      state={forecastState(asked, nowMs)}
      skeletonLines={11}
      reserves="chart"
      actions={
        <Link className="button quiet" to="/forecast">
          Forecast <Icon name="next" />
        </Link>
      }
    >
      {asked.data && <ForecastFigure forecast={asked.data} horizon={30} historyMinutes={90} />}
    </Panel>
  );
}

function TopAlerts() {
  const asked = useAlerts("open");
  const alerts = asked.data?.pages.flatMap((page) => page.items) ?? [];
  const top = alerts.toSorted((a, b) => b.score - a.score).slice(0, TOP_COUNT);
  return (
    <Panel
      title="Alerts to decide"
      state={panelStateOf(asked, (data) =>
        data.pages.some((page) => page.items.length > 0)
          ? undefined
          : { kind: "empty", icon: "shield", title: "The queue is clear" },
      )}
      isFlush
      skeletonLines={11}
      actions={
        <Link className="button quiet" to="/alerts">
          All alerts <Icon name="next" />
        </Link>
      }
    >
      <AlertList alerts={top} hrefOf={(alert) => `/alerts?alert=${alert.id}`} />
    </Panel>
  );
}

function Latest() {
  const identity = useIdentity();
  const asked = useTransactions(NO_FILTERS, null);
  const canSubmit = may(identity, "transactions:write");
  return (
    <Panel
      title="Latest transactions"
      state={panelStateOf(asked, (page) =>
        page.items.length > 0
          ? undefined
          : {
              kind: "empty",
              icon: "transactions",
              title: "No transactions yet",
              children: canSubmit && <Link to="/transactions/new">Submit the first one</Link>,
            },
      )}
      isFlush
      skeletonLines={10}
      actions={
        <Link className="button quiet" to="/transactions">
          History <Icon name="next" />
        </Link>
      }
    >
      <TransactionTable
        caption="The latest transactions, newest first"
        transactions={asked.data?.items.slice(0, LATEST_COUNT) ?? []}
        hasAccounts={may(identity, "transactions:read_any")}
        hrefOf={(transaction) => `/transactions?transaction=${transaction.id}`}
      />
    </Panel>
  );
}
