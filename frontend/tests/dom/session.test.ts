/** The session: one renewal for all who wait, one repetition of a refused call, nothing stored. */
import { beforeEach, describe, expect, it } from "vitest";
import { Refusal, SignedOut, Unreachable } from "../../src/api/problem";
import { Session } from "../../src/api/session";

const ME = {
  user_id: "u1",
  email: "ana@example.com",
  role: "analyst",
  account_id: "acc-1",
  scopes: ["alerts:read"],
};

/** A gateway's sign-in as the browser sees it: `answers` by path, `asked` in order. */
class Gateway {
  asked: string[] = [];
  tokens = 0;
  revoked = new Set<string>();
  lifeS = 900;
  role = "analyst";
  isDown = false;
  refusesRenewal = false;
  nowMs = 0;
  stored = new Map<string, string>();

  session = new Session({
    fetch: (input, options) => this.answer(new Request(input as Request | URL, options)),
    storage: {
      getItem: (key) => this.stored.get(key) ?? null,
      setItem: (key, value) => void this.stored.set(key, value),
      removeItem: (key) => void this.stored.delete(key),
    },
    exclusively: (work) => work(),
    now: () => this.nowMs,
  });

  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.asked.push(pathname);
    if (this.isDown) {
      throw new TypeError("Failed to fetch");
    }
    if (pathname === "/auth/login" || pathname === "/auth/refresh") {
      const body = (await request.json()) as { password?: string };
      if (body.password === "wrong" || (pathname === "/auth/refresh" && this.refusesRenewal)) {
        return problem(401, "E-mail or password is wrong.");
      }
      this.tokens += 1;
      return Response.json({
        access_token: `token-${this.tokens}`,
        expires_in: this.lifeS,
        scope: this.role,
      });
    }
    const token = request.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    if (!token || this.revoked.has(token)) {
      return problem(401, "This needs a sign-in.");
    }
    if (pathname === "/auth/password") {
      const body = (await request.json()) as { current_password: string };
      if (body.current_password !== "right") {
        return problem(403, "The current password is wrong.");
      }
      this.revoked.add(token);
      this.tokens += 1;
      return Response.json({ access_token: `token-${this.tokens}`, expires_in: this.lifeS });
    }
    return pathname === "/auth/me"
      ? Response.json({ ...ME, role: this.role })
      : Response.json({ token });
  }

  ask(path = "/transactions/") {
    return this.session.fetch(new Request(new URL(path, location.origin)));
  }
}

function problem(status: number, detail: string): Response {
  return Response.json({ type: "/problems/x", title: "No", status, detail }, { status });
}

let gateway: Gateway;
beforeEach(() => {
  gateway = new Gateway();
});

describe("sign-in", () => {
  it("asks who is there and stores no token anywhere", async () => {
    await gateway.session.signIn("ana@example.com", "right");
    expect(gateway.session.state()).toEqual({ phase: "signed-in", identity: ME });
    expect(JSON.stringify([...gateway.stored])).not.toContain("token");
  });

  it("says why it was refused", async () => {
    await expect(gateway.session.signIn("ana@example.com", "wrong")).rejects.toThrow(Refusal);
    expect(gateway.session.state().phase).toBe("starting");
  });
});

describe("a page that opens", () => {
  it("does not ask for a stranger", async () => {
    await gateway.session.start();
    expect(gateway.session.state()).toEqual({ phase: "signed-out", hasExpired: false });
    expect(gateway.asked).toEqual([]);
  });

  it("takes the session up again", async () => {
    await gateway.session.signIn("ana@example.com", "right");
    const reloaded = new Gateway();
    reloaded.stored = gateway.stored;
    await reloaded.session.start();
    expect(reloaded.session.state().phase).toBe("signed-in");
    expect(reloaded.asked).toEqual(["/auth/refresh", "/auth/me"]);
  });

  it("keeps the session while the gateway is away", async () => {
    gateway.stored.set("aether.signed-in", "1");
    gateway.isDown = true;
    await gateway.session.start();
    expect(gateway.session.state()).toEqual({ phase: "unreachable" });
    gateway.isDown = false;
    await gateway.session.start();
    expect(gateway.session.state().phase).toBe("signed-in");
  });

  it("is signed out when the cookie is no longer good", async () => {
    gateway.stored.set("aether.signed-in", "1");
    gateway.refusesRenewal = true;
    await gateway.session.start();
    expect(gateway.session.state()).toEqual({ phase: "signed-out", hasExpired: false });
    expect(gateway.stored.size).toBe(0);
  });
});

describe("calls", () => {
  beforeEach(async () => {
    await gateway.session.signIn("ana@example.com", "right");
    gateway.asked = [];
  });

  it("renew once, however many find the token old", async () => {
    gateway.nowMs = 880_000;
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.ask()));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(gateway.asked.filter((path) => path === "/auth/refresh")).toHaveLength(1);
    expect(new Set(bodies.map((body) => body.token))).toEqual(new Set(["token-2"]));
  });

  it("renew and repeat once when a token is refused", async () => {
    gateway.revoked.add("token-1");
    const answers = await Promise.all([gateway.ask(), gateway.ask(), gateway.ask()]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(gateway.asked.filter((path) => path === "/auth/refresh")).toHaveLength(1);
  });

  it("end the session when the renewal is refused", async () => {
    gateway.revoked.add("token-1");
    gateway.refusesRenewal = true;
    await expect(gateway.ask()).rejects.toThrow(SignedOut);
    expect(gateway.session.state()).toEqual({ phase: "signed-out", hasExpired: true });
  });

  it("end the session rather than repeat without end", async () => {
    gateway.revoked = new Set(["token-1", "token-2"]);
    await expect(gateway.ask()).rejects.toThrow(SignedOut);
    expect(gateway.asked).toEqual(["/transactions/", "/auth/refresh", "/transactions/"]);
  });

  it("keep the session when there is no answer", async () => {
    gateway.isDown = true;
    await expect(gateway.ask()).rejects.toThrow(Unreachable);
    expect(gateway.session.state().phase).toBe("signed-in");
  });

  it("use tokens that live for seconds only", async () => {
    gateway.lifeS = 5;
    await gateway.session.signIn("ana@example.com", "right");
    gateway.asked = [];
    await gateway.ask();
    expect(gateway.asked).toEqual(["/transactions/"]);
  });
});

it("is somebody else's, when a renewal brings another role", async () => {
  await gateway.session.signIn("ana@example.com", "right");
  gateway.role = "customer";
  gateway.revoked.add("token-1");
  await gateway.ask();
  await expect
    .poll(() => gateway.session.state())
    .toMatchObject({ phase: "signed-in", identity: { role: "customer" } });
});

describe("a new password", () => {
  beforeEach(async () => {
    await gateway.session.signIn("ana@example.com", "right");
    gateway.asked = [];
  });

  it("goes on with the new token, and asks for no other", async () => {
    await gateway.session.changePassword("right", "another long one");
    await gateway.ask();
    expect(gateway.asked).toEqual(["/auth/password", "/transactions/"]);
  });

  it("is tried again with a fresh token when the one at hand was void", async () => {
    gateway.revoked.add("token-1");
    await gateway.session.changePassword("right", "another long one");
    expect(gateway.asked).toEqual(["/auth/password", "/auth/refresh", "/auth/password"]);
  });

  it("leaves all as it was when the current one is wrong", async () => {
    const changed = gateway.session.changePassword("wrong", "another long one");
    await expect(changed).rejects.toMatchObject({ status: 403 });
    expect(gateway.session.state().phase).toBe("signed-in");
    expect((await gateway.ask()).status).toBe(200);
  });
});

describe("signing out everywhere", () => {
  beforeEach(() => gateway.session.signIn("ana@example.com", "right"));

  it("ends this session too", async () => {
    await gateway.session.signOutEverywhere();
    expect(gateway.session.state()).toEqual({ phase: "signed-out", hasExpired: false });
  });

  it("is not said to be done when the gateway could not be told", async () => {
    gateway.isDown = true;
    await expect(gateway.session.signOutEverywhere()).rejects.toThrow(Unreachable);
    expect(gateway.session.state().phase).toBe("signed-in");
  });
});

it("ends everywhere when one tab signs out, without asking the gateway again", async () => {
  await gateway.session.signIn("ana@example.com", "right");
  await gateway.session.signOut();
  expect(gateway.session.state()).toEqual({ phase: "signed-out", hasExpired: false });
  gateway.asked = [];
  await expect(gateway.ask()).rejects.toThrow(SignedOut);
  expect(gateway.asked).toEqual([]);
});
