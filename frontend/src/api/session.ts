/**
 * Session: who is signed in, and the access token.
 *
 * The access token lives in memory only. The refresh token is an HttpOnly cookie that no script can
 * read; it is rotated on use, and using it twice ends the session. So a renewal is made once however
 * many calls wait for it, and by one tab at a time (Web Locks); it survives the page (`keepalive`).
 */
import { cleanAll } from "../clean";
import { Refusal, SignedOut, Unreachable } from "./problem";
import type { Identity } from "./types";

export type SessionState =
  | { phase: "starting" }
  | { phase: "unreachable" }
  | { phase: "signed-out"; hasExpired: boolean }
  | { phase: "signed-in"; identity: Identity };

/** What the session needs from the browser; tests pass their own. */
export interface Surroundings {
  fetch: typeof fetch;
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Runs the work while no other tab runs theirs. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

interface Token {
  text: string;
  renewAtMs: number;
  /** What it may do, as the gateway writes it. */
  scope: string | undefined;
}

/** The type of a refusal that asks for a one-time code besides the password. */
export const CODE_NEEDED = "/problems/one-time-code-needed";
export const ANSWER_TIMEOUT_MS = 15_000;
// Renew a little early, so that an ordinary call is never refused first.
const RENEW_BEFORE_EXPIRY_MS = 30_000;
// No secret: without it every visit of a stranger would begin with a refused renewal.
const HINT = "aether.signed-in";

export class Session {
  #state: SessionState = { phase: "starting" };
  #token: Token | undefined;
  #renewal: Promise<Token> | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #around: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#around = surroundings;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** Takes the session up again after a reload. Never throws: the outcome is the state. */
  async start(): Promise<void> {
    if (this.#around.storage.getItem(HINT) === null) {
      this.#become({ phase: "signed-out", hasExpired: false });
      return;
    }
    this.#become({ phase: "starting" });
    try {
      await this.#renewed();
      await this.identify();
    } catch (error) {
      if (!(error instanceof SignedOut)) {
        this.#become({ phase: "unreachable" });
      }
    }
  }

  /**
   * Begins a session. Throws Refusal (401, of the type CODE_NEEDED when a one-time code is missing;
   * 429, …) or Unreachable.
   */
  async signIn(email: string, password: string, oneTimeCode?: string): Promise<void> {
    const code = oneTimeCode === undefined ? {} : { one_time_code: oneTimeCode };
    const response = await this.#post("/auth/login", {
      email,
      password,
      ...code,
      use_cookie: true,
    });
    this.#keep(await this.#json(response));
    this.#around.storage.setItem(HINT, "1");
    await this.identify();
  }

  /** Learns anew who is signed in and what they may do. Throws Refusal, SignedOut or Unreachable. */
  async identify(): Promise<void> {
    const response = await this.fetch(new Request(new URL("/auth/me", location.origin)));
    const identity = cleanAll((await this.#json(response)) as Identity);
    this.#become({ phase: "signed-in", identity });
  }

  /** Makes an account. Throws Refusal (409, 422, 429, …) or Unreachable. */
  async register(email: string, password: string): Promise<void> {
    await this.#json(await this.#post("/auth/register", { email, password }));
  }

  /** Ends the session here and, as far as the gateway can be reached, there. */
  async signOut(): Promise<void> {
    try {
      const token = await this.token();
      await this.#send("/auth/logout", { method: "POST", headers: bearer(token) });
    } catch {
      // The cookie stays behind unreachable gateways; without the hint nobody uses it here.
    }
    this.end(false);
  }

  /** Ends all sessions of this person. Throws Refusal or Unreachable: then none is said to have ended. */
  async signOutEverywhere(): Promise<void> {
    const address = new URL("/auth/logout?everywhere=true", location.origin);
    await this.#json(await this.fetch(new Request(address, { method: "POST" })));
    this.end(false);
  }

  /**
   * Changes the password; this session goes on, the others end. Throws Refusal (403 when the current
   * one is wrong, 422, 429) or Unreachable.
   */
  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    const body = { current_password: currentPassword, new_password: newPassword };
    this.#keep(await this.#changing("/auth/password", body));
  }

  /**
   * Turns the second factor on; this session goes on, the others end. Returns the recovery codes.
   * Who is signed in is told anew by `identify`, when they were seen. Throws as above.
   */
  async confirmSecondFactor(oneTimeCode: string): Promise<readonly string[]> {
    const body = { one_time_code: oneTimeCode };
    const answer = await this.#changing("/auth/second-factor/confirm", body);
    this.#keep(answer);
    return (answer as { recovery_codes: readonly string[] }).recovery_codes;
  }

  /** Turns the second factor off; this session goes on, the others end. Throws as above. */
  async removeSecondFactor(currentPassword: string, oneTimeCode: string): Promise<void> {
    const body = { current_password: currentPassword, one_time_code: oneTimeCode };
    this.#keep(await this.#changing("/auth/second-factor/remove", body));
  }

  /** Forgets the session; another tab may have ended it. */
  end(hasExpired: boolean): void {
    this.#token = undefined;
    this.#around.storage.removeItem(HINT);
    this.#become({ phase: "signed-out", hasExpired });
  }

  /** An access token that is good for a while. Throws SignedOut or Unreachable. */
  async token(): Promise<string> {
    const token = this.#token;
    if (token && this.#around.now() < token.renewAtMs) {
      return token.text;
    }
    return (await this.#renewed()).text;
  }

  /** A fetch that signs its requests, and renews and repeats once when one is refused with 401. */
  readonly fetch = (request: Request): Promise<Response> =>
    this.#signed(request, (signed) => this.#send(signed));

  /** The same for an answer that never ends: whoever reads it sets the limits. */
  readonly open = (request: Request): Promise<Response> =>
    this.#signed(request, (signed) => this.#around.fetch(signed));

  async #signed(request: Request, send: (signed: Request) => Promise<Response>): Promise<Response> {
    const token = await this.token();
    const first = await send(withToken(request.clone(), token));
    if (first.status !== 401) {
      return first;
    }
    // Another call may have renewed meanwhile: then its token is tried, not a second renewal made.
    const current = this.#token;
    const fresh = current && current.text !== token ? current : await this.#renewed();
    const second = await send(withToken(request, fresh.text));
    if (second.status === 401) {
      this.end(true);
      throw new SignedOut();
    }
    return second;
  }

  #renewed(): Promise<Token> {
    this.#renewal ??= this.#around
      .exclusively(() => this.#renew())
      .finally(() => {
        this.#renewal = undefined;
      });
    return this.#renewal;
  }

  async #renew(): Promise<Token> {
    if (this.#around.storage.getItem(HINT) === null) {
      this.end(this.#state.phase === "signed-in");
      throw new SignedOut();
    }
    const response = await this.#post("/auth/refresh", {});
    if (response.status === 401 || response.status === 400) {
      this.end(this.#state.phase !== "starting");
      throw new SignedOut();
    }
    const before = this.#token;
    const token = this.#keep(await this.#json(response));
    if (before && before.scope !== token.scope) {
      // Another role: the pages show what it may do. A failure of this is told by the next call.
      void this.identify().catch(() => undefined);
    }
    return token;
  }

  /** Sends what changes how one signs in; the answer holds the tokens of this session. */
  async #changing(path: string, body: object): Promise<unknown> {
    const send = (token: string) =>
      // The cookie changes with it: no other tab may be renewing meanwhile.
      this.#around.exclusively(() => this.#post(path, body, bearer(token)));
    let response = await send(await this.token());
    if (response.status === 401) {
      response = await send((await this.#renewed()).text);
    }
    return await this.#json(response);
  }

  #keep(body: unknown): Token {
    const { access_token, expires_in, scope } = body as {
      access_token: string;
      expires_in: number;
      scope?: string;
    };
    // Half of a short life at most, so that even tokens of seconds are used and not only renewed.
    const marginMs = Math.min(RENEW_BEFORE_EXPIRY_MS, expires_in * 500);
    const token = {
      text: access_token,
      renewAtMs: this.#around.now() + expires_in * 1000 - marginMs,
      scope,
    };
    this.#token = token;
    return token;
  }

  #post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      keepalive: true,
    });
  }

  async #send(target: string | Request, options: RequestInit = {}): Promise<Response> {
    const limit = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const given = target instanceof Request ? target.signal : undefined;
    const signal = given ? AbortSignal.any([given, limit]) : limit;
    try {
      const url = typeof target === "string" ? new URL(target, location.origin) : target;
      return await this.#around.fetch(url, { ...options, signal });
    } catch (error) {
      if (given?.aborted) {
        throw error;
      }
      throw new Unreachable();
    }
  }

  async #json(response: Response): Promise<unknown> {
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok || body === undefined) {
      throw new Refusal(response, body);
    }
    return body;
  }

  #become(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

/** The session of this page. */
export const session = new Session({
  fetch: (...parameters) => fetch(...parameters),
  storage: localStorage,
  exclusively: async (work) =>
    // Only secure contexts have locks; over plain HTTP a second tab risks a new sign-in, no more.
    navigator.locks ? await navigator.locks.request("aether.renewal", work) : work(),
  now: () => performance.now(),
});

/** Ends the session of this tab when another tab signed out. */
export function followOtherTabs(): void {
  addEventListener("storage", (event) => {
    if (event.key === HINT && event.newValue === null && session.state().phase === "signed-in") {
      session.end(false);
    }
  });
}

function withToken(request: Request, token: string): Request {
  request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
