/** The gateway's shapes under the words of the dashboard; generated from its OpenAPI document. */
import type * as schema from "./schema";

export type Identity = schema.Me;
export type Transaction = schema.Transaction;
export type NewTransaction = schema.NewTransaction;
export type Reason = schema.Reason;
export type Alert = schema.Alert;
export type Resolution = schema.Resolve["resolution"];
export type Decision = NonNullable<schema.Transaction["decision"]>;
export type Forecast = schema.Forecast;
export type Anomaly = schema.Anomaly;
export type Summary = schema.Summary;
export type StreamLength = schema.StreamLength;
export type Counters = schema.Counters;
export type Hello = schema.Hello;
export type Gap = schema.Gap;
export type FieldProblem = schema.FieldProblem;
export type DeviceRequest = schema.DeviceRequest;
export type SignIn = schema.SignIn;
export type User = schema.User;
export type Role = schema.User["role"];
export type NewUser = schema.UserWithPassword;
export type ServiceClient = schema.ServiceClient;
export type NewServiceClient = schema.ClientWithSecret;
export type SigningKey = schema.SigningKey;
export type AuditEntry = schema.AuditEntry;
