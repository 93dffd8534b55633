/** Roles: who may do what, in a line each. */
import type { Role } from "../../../api/types";

export const ROLES: readonly (readonly [role: Role, words: string])[] = [
  ["customer", "Customer"],
  ["analyst", "Analyst"],
  ["operator", "Operator"],
  ["admin", "Admin"],
];

export const ROLE_MEANS: Readonly<Record<Role, string>> = {
  customer: "Own transactions only.",
  analyst: "All transactions; resolves alerts.",
  operator: "All transactions; runs the pipeline.",
  admin: "Everything, users, clients and keys included.",
};
