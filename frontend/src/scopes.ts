/** Scopes: what somebody may do, in the gateway's own words (aether_core/identity/roles.py). */

export const SCOPES = {
  "transactions:write": "Post transactions of one's own account",
  "transactions:write_any": "Post transactions for any account",
  "transactions:read": "See the transactions of one's own account",
  "transactions:read_any": "See the transactions of all accounts",
  "alerts:read": "See fraud alerts",
  "alerts:write": "Resolve fraud alerts",
  "scoring:read": "See the versions of scoring, and what each would decide",
  "scoring:write": "Make versions of scoring, let them decide, and take them back",
  "analytics:read": "See summaries over all accounts",
  "operations:read": "See the pipeline, its shards and what could not be written",
  "operations:write": "Replay and discard what could not be written",
  "audit:read": "Read the audit trail",
  admin: "Manage users, clients and keys",
} as const;

export type Scope = keyof typeof SCOPES;

/** What a scope allows; its name when the gateway has one that this dashboard does not know. */
export function describeScope(scope: string): string {
  return scope in SCOPES ? SCOPES[scope as Scope] : scope;
}
