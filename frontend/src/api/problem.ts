/**
 * Everything that can go wrong between the dashboard and the gateway.
 *
 *     GatewayError
 *     ├── Unreachable   no answer: the network, a time limit, the gateway is down
 *     ├── SignedOut     the session has ended; only a new sign-in helps
 *     └── Refusal       an answer that says no (RFC 9457 problem details), with its fields
 */
import { clean } from "../clean";
import type { FieldProblem } from "./types";

export class GatewayError extends Error {}

export class Unreachable extends GatewayError {
  override name = "Unreachable";
  constructor() {
    super("The gateway cannot be reached.");
  }
}

export class SignedOut extends GatewayError {
  override name = "SignedOut";
  constructor() {
    super("The session has ended. Sign in again.");
  }
}

export class Refusal extends GatewayError {
  override name = "Refusal";
  readonly status: number;
  readonly type: string;
  readonly fields: readonly FieldProblem[];
  readonly requestId: string | undefined;
  /** Seconds that the gateway asks to wait (`Retry-After`). */
  readonly retryAfterS: number | undefined;

  constructor(response: Pick<Response, "status" | "headers">, body: unknown) {
    const details = isRecord(body) ? body : {};
    super(
      textOf(details.detail) ?? textOf(details.title) ?? `The gateway answered ${response.status}.`,
    );
    this.status = response.status;
    this.type = textOf(details.type) ?? "about:blank";
    this.fields = fieldsOf(details.errors);
    this.requestId =
      textOf(details.request_id) ?? textOf(response.headers.get("x-request-id")) ?? undefined;
    this.retryAfterS = secondsOf(response.headers.get("retry-after"));
  }
}

/** One sentence for people, whatever was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) {
    const fields = error.fields.map((field) => `${field.field}: ${field.detail}`).join("; ");
    const wait =
      error.status === 429 && error.retryAfterS ? ` Try again in ${error.retryAfterS} s.` : "";
    return `${error.message}${fields && !error.message.includes(fields) ? ` (${fields})` : ""}${wait}`;
  }
  return error instanceof GatewayError ? error.message : "Something unexpected happened.";
}

/** What a refusal says about one field, if anything. */
export function problemOfField(error: unknown, field: string): string | undefined {
  return error instanceof Refusal
    ? error.fields.find((problem) => problem.field === field)?.detail
    : undefined;
}

/** Whether asking again may help: no answer, or a failure of the server. */
export function isPassing(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refusal && error.status >= 500);
}

function fieldsOf(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) {
    return [];
  }
  return errors.filter(isRecord).flatMap((error) => {
    const [field, detail] = [textOf(error.field), textOf(error.detail)];
    return field !== undefined && detail !== undefined ? [{ field, detail }] : [];
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? clean(value) : undefined;
}

function secondsOf(value: string | null): number | undefined {
  return value !== null && /^[0-9]{1,6}$/.test(value) ? Number(value) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
