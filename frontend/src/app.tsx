/** App: which page stands at which address, and who may see it. */

import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import {
  BrowserRouter,
  Navigate,
  Outlet,
  Route,
  Routes,
  useLocation,
  useSearchParams,
} from "react-router";
import { session } from "./api/session";
import type { Identity } from "./api/types";
import { AppShell, type Place } from "./components/AppShell";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { Notice } from "./components/Notice";
import { Skeleton } from "./components/Panel";
import { Toaster } from "./components/Toaster";
import { AlertNews } from "./features/alerts/AlertNews";
import { LivePage } from "./features/live/LivePage";
import { LiveProvider } from "./features/live/LiveProvider";
import { useSummary } from "./features/overview/queries";
import { wayOf } from "./features/sign-in/next";
import { IdentityProvider, may, useIdentity, useSessionState } from "./features/sign-in/session";
import { forgetRecent } from "./features/transactions/live";
import type { Scope } from "./scopes";

// Asked for at once, beside the session: most visits begin here.
const overview = import("./features/overview/OverviewPage");
// Told by the page that needs it, if one does.
overview.catch(() => undefined);
const OverviewPage = lazy(async () => ({ default: (await overview).OverviewPage }));
const LoginPage = lazy(async () => ({
  default: (await import("./features/sign-in/LoginPage")).LoginPage,
}));
const RegisterPage = lazy(async () => ({
  default: (await import("./features/sign-in/RegisterPage")).RegisterPage,
}));
const TransactionsPage = lazy(async () => ({
  default: (await import("./features/transactions/TransactionsPage")).TransactionsPage,
}));
const SubmissionPage = lazy(async () => ({
  default: (await import("./features/submission/SubmissionPage")).SubmissionPage,
}));
const AlertsPage = lazy(async () => ({
  default: (await import("./features/alerts/AlertsPage")).AlertsPage,
}));
const ScoringPage = lazy(async () => ({
  default: (await import("./features/scoring/ScoringPage")).ScoringPage,
}));
const ForecastPage = lazy(async () => ({
  default: (await import("./features/forecast/ForecastPage")).ForecastPage,
}));

const AccountPage = lazy(async () => ({
  default: (await import("./features/account/AccountPage")).AccountPage,
}));
const OwedPage = lazy(async () => ({
  default: (await import("./features/second-factor/OwedPage")).OwedPage,
}));
const DevicePage = lazy(async () => ({
  default: (await import("./features/device/DevicePage")).DevicePage,
}));
const UsersPage = lazy(async () => ({
  default: (await import("./features/administration/users/UsersPage")).UsersPage,
}));
const ClientsPage = lazy(async () => ({
  default: (await import("./features/administration/clients/ClientsPage")).ClientsPage,
}));
const KeysPage = lazy(async () => ({
  default: (await import("./features/administration/keys/KeysPage")).KeysPage,
}));
const AuditPage = lazy(async () => ({
  default: (await import("./features/administration/audit/AuditPage")).AuditPage,
}));

export function App() {
  return (
    <BrowserRouter>
      <Routes>
        <Route element={<SignedOutOnly />}>
          <Route path="/login" element={<LoginPage />} />
          <Route path="/register" element={<RegisterPage />} />
        </Route>
        <Route element={<SignedIn />}>
          <Route index element={<OverviewPage />} />
          <Route path="/transactions" element={<TransactionsPage />} />
          <Route
            path="/transactions/new"
            element={
              <Needs scope="transactions:write" title="New transaction">
                <SubmissionPage />
              </Needs>
            }
          />
          <Route
            path="/alerts"
            element={
              <Needs scope="alerts:read" title="Alerts">
                <AlertsPage />
              </Needs>
            }
          />
          <Route
            path="/scoring"
            element={
              <Needs scope="scoring:read" title="Scoring">
                <ScoringPage />
              </Needs>
            }
          />
          <Route path="/forecast" element={<ForecastPage />} />
          <Route path="/account" element={<AccountPage />} />
          <Route path="/device" element={<DevicePage />} />
          <Route
            path="/admin"
            element={
              <Needs scope="admin" title="Administration">
                <Outlet />
              </Needs>
            }
          >
            <Route index element={<UsersPage />} />
            <Route path="clients" element={<ClientsPage />} />
            <Route path="keys" element={<KeysPage />} />
            <Route path="audit" element={<AuditPage />} />
          </Route>
          <Route path="*" element={<NotFound />} />
        </Route>
      </Routes>
    </BrowserRouter>
  );
}

function SignedOutOnly() {
  const state = useSessionState();
  const [parameters] = useSearchParams();
  if (state.phase === "signed-in") {
    return <Navigate to={wayOf(parameters.get("next"))} replace />;
  }
  return (
    <ErrorBoundary>
      <Suspense fallback={null}>
        <Outlet />
      </Suspense>
    </ErrorBoundary>
  );
}

function SignedIn() {
  const state = useSessionState();
  const location = useLocation();
  if (state.phase === "signed-in" && state.identity.second_factor === "owed") {
    return (
      <Suspense fallback={null}>
        <OwedPage />
      </Suspense>
    );
  }
  if (state.phase === "signed-in") {
    // Another role is another person, as far as what was asked for before it goes.
    const { user_id, role } = state.identity;
    return <Frame key={`${user_id} ${role}`} identity={state.identity} />;
  }
  if (state.phase === "signed-out") {
    const next = `${location.pathname}${location.search}`;
    const search = next === "/" ? "" : `?${new URLSearchParams({ next })}`;
    return <Navigate to={`/login${search}`} replace />;
  }
  return <Waiting isUnreachable={state.phase === "unreachable"} />;
}

function Frame({ identity }: { identity: Identity }) {
  const queryClient = useQueryClient();
  useEffect(
    () => () => {
      // Nothing of one person's data stays for the next.
      queryClient.clear();
      forgetRecent();
    },
    [queryClient],
  );
  return (
    <IdentityProvider value={identity}>
      <LiveProvider>
        <Toaster>
          <Shell identity={identity} />
        </Toaster>
      </LiveProvider>
    </IdentityProvider>
  );
}

function Shell({ identity }: { identity: Identity }) {
  const openAlerts = useSummary(may(identity, "analytics:read")).data?.open_alerts;
  const places: Place[] = [
    { to: "/", icon: "overview", word: "Overview" },
    { to: "/transactions", icon: "transactions", word: "Transactions" },
    ...(may(identity, "alerts:read")
      ? [{ to: "/alerts", icon: "alerts", word: "Alerts", count: openAlerts } as const]
      : []),
    ...(may(identity, "scoring:read")
      ? [{ to: "/scoring", icon: "sliders", word: "Scoring" } as const]
      : []),
    { to: "/forecast", icon: "forecast", word: "Forecast" },
    ...(may(identity, "admin") ? [{ to: "/admin", icon: "people", word: "Admin" } as const] : []),
  ];
  const { pathname } = useLocation();
  return (
    <AppShell
      places={places}
      email={identity.email}
      role={identity.role}
      onSignOut={() => void session.signOut()}
    >
      {may(identity, "alerts:read") && <AlertNews />}
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<Skeleton lines={12} />}>
          <Outlet />
        </Suspense>
      </ErrorBoundary>
    </AppShell>
  );
}

interface NeedsProps {
  scope: Scope;
  title: string;
  children: ReactNode;
}

function Needs({ scope, title, children }: NeedsProps) {
  const identity = useIdentity();
  if (may(identity, scope)) {
    return children;
  }
  return (
    <LivePage title={title}>
      <Notice tone="warn">
        <p>Your role, {identity.role}, does not include this page.</p>
      </Notice>
    </LivePage>
  );
}

function NotFound() {
  return (
    <LivePage title="Not found">
      <Notice tone="info">
        <p>There is no page at this address.</p>
      </Notice>
    </LivePage>
  );
}

function Waiting({ isUnreachable }: { isUnreachable: boolean }) {
  useEffect(() => {
    if (!isUnreachable) {
      return undefined;
    }
    const timer = setTimeout(() => void session.start(), 3_000);
    return () => clearTimeout(timer);
  }, [isUnreachable]);
  return (
    <div className="narrow">
      <main>
        <title>Aether</title>
        <h1 className="visually-hidden">Aether</h1>
        {isUnreachable ? (
          <Notice tone="bad" role="alert">
            <p>
              <strong>The gateway cannot be reached.</strong>
            </p>
            <p>Trying again every few seconds; you stay signed in.</p>
          </Notice>
        ) : (
          <p className="muted" role="status">
            Opening…
          </p>
        )}
      </main>
    </div>
  );
}
