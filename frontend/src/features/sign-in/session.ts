/** Session hooks: who is signed in, and what they may do. */
import { createContext, use, useSyncExternalStore } from "react";
import { type SessionState, session } from "../../api/session";
import type { Identity } from "../../api/types";
import type { Scope } from "../../scopes";

export function useSessionState(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state);
}

const CurrentIdentity = createContext<Identity | undefined>(undefined);
export const IdentityProvider = CurrentIdentity.Provider;

/** Who is signed in; only inside of the pages that need it. */
export function useIdentity(): Identity {
  const identity = use(CurrentIdentity);
  if (!identity) {
    throw new Error("no identity outside of the signed-in pages");
  }
  return identity;
}

/** Decides what is shown. The gateway decides again what is done. */
export function may(identity: Identity, scope: Scope): boolean {
  return identity.scopes.includes(scope);
}
