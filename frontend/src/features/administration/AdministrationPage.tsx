/** AdministrationPage: the frame of the admin's pages: users, service clients, keys, audit trail. */
import type { ReactNode } from "react";
import { NavLink } from "react-router";
import { Page } from "../../components/Page";
import "./administration.css";

const PLACES = [
  ["/admin", "Users"],
  ["/admin/clients", "Clients"],
  ["/admin/keys", "Keys"],
  ["/admin/audit", "Audit"],
] as const;

interface AdministrationPageProps {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function AdministrationPage({ title, actions, children }: AdministrationPageProps) {
  return (
    <Page title={title} actions={actions}>
      <nav className="tabs" aria-label="Administration">
        {PLACES.map(([to, word]) => (
          <NavLink key={to} to={to} end>
            {word}
          </NavLink>
        ))}
      </nav>
      {children}
    </Page>
  );
}
