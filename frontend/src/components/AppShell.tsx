/** AppShell: the frame of the signed-in pages: where one is, who one is, and the ways elsewhere. */
import type { ReactNode } from "react";
import { Link, NavLink } from "react-router";
import { Brand } from "./Brand";
import { Icon, type IconName } from "./Icon";
import { ThemeButton } from "./ThemeButton";

export interface Place {
  to: string;
  icon: IconName;
  word: string;
  /** How much waits there. */
  count?: number | undefined;
}

interface AppShellProps {
  places: readonly Place[];
  email: string;
  role: string;
  onSignOut: () => void;
  children: ReactNode;
}

export function AppShell({ places, email, role, onSignOut, children }: AppShellProps) {
  const actions = (
    <>
      <ThemeButton />
      <button
        type="button"
        className="button quiet square"
        aria-label="Sign out"
        title="Sign out"
        onClick={onSignOut}
      >
        <Icon name="signOut" />
      </button>
    </>
  );
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <header className="sidebar">
        <Link className="brand" to="/">
          <Brand />
        </Link>
        <Places places={places} />
        <div className="sidebar-foot">
          <NavLink className="whoami" to="/account">
            <Icon name="person" />
            <span className="clip">
              <strong title={email}>{email}</strong>
              <span className="muted">{role}</span>
              <span className="visually-hidden">, your account</span>
            </span>
          </NavLink>
          <div className="foot-actions">{actions}</div>
        </div>
      </header>
      <header className="mobile-bar">
        <div className="mobile-top">
          <Link className="brand" to="/">
            <Brand />
          </Link>
          <div className="foot-actions">
            <NavLink
              className="button quiet square"
              to="/account"
              aria-label="Your account"
              title={email}
            >
              <Icon name="person" />
            </NavLink>
            {actions}
          </div>
        </div>
        <Places places={places} />
      </header>
      <div className="main">
        <main className="content" id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  );
}

function Places({ places }: { places: readonly Place[] }) {
  return (
    <nav className="nav" aria-label="Main">
      {places.map((place) => (
        <NavLink key={place.to} to={place.to} end={place.to === "/"}>
          <Icon name={place.icon} />
          {place.word}
          {place.count ? (
            <span className="count">
              {place.count > 99 ? "99+" : place.count}
              <span className="visually-hidden"> open</span>
            </span>
          ) : null}
        </NavLink>
      ))}
    </nav>
  );
}
