/** Tags: a state as a sign and a word; the colour only repeats them. */
import type { Alert, Decision, Transaction } from "../api/types";
import { Icon, type IconName } from "./Icon";

interface TagProps {
  tone: "good" | "warn" | "bad" | "neutral" | "plain";
  icon: IconName;
  word: string;
}

export function Tag({ tone, icon, word }: TagProps) {
  return (
    <span className={`tag ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

const ROLE_ICONS: Readonly<Record<string, IconName>> = {
  customer: "person",
  analyst: "eye",
  operator: "system",
  admin: "key",
  service: "client",
};

const DECISIONS: Readonly<Record<Decision, TagProps>> = {
  approve: { tone: "plain", icon: "check", word: "Approve" },
  review: { tone: "warn", icon: "eye", word: "Review" },
  decline: { tone: "bad", icon: "cross", word: "Decline" },
};

/** The engine's decision; a transaction that waits to be scored has none yet. */
export function DecisionTag({ decision }: { decision: string | null | undefined }) {
  if (!decision) {
    return <Tag tone="neutral" icon="clock" word="Pending" />;
  }
  const known = DECISIONS[decision as Decision] as TagProps | undefined;
  return <Tag {...(known ?? { tone: "neutral", icon: "help", word: decision })} />;
}

export function StatusTag({ status }: { status: Transaction["status"] }) {
  return status === "processed" ? (
    <Tag tone="good" icon="check" word="Processed" />
  ) : (
    <Tag tone="neutral" icon="clock" word={status === "pending" ? "Pending" : status} />
  );
}

/** Who somebody is; the more they may do, the louder. */
export function RoleTag({ role }: { role: string }) {
  return (
    <Tag
      tone={role === "admin" ? "warn" : "neutral"}
      icon={ROLE_ICONS[role] ?? "help"}
      word={capital(role)}
    />
  );
}

interface ActiveTagProps {
  isActive: boolean;
  /** What somebody is who may not come in. */
  offWord?: string;
}

/** Whether somebody, or some service, may come in. */
export function ActiveTag({ isActive, offWord = "Disabled" }: ActiveTagProps) {
  return isActive ? (
    <Tag tone="good" icon="check" word="Active" />
  ) : (
    <Tag tone="bad" icon="cross" word={offWord} />
  );
}

/** What people decided about an alert. */
export function ResolutionTag({ resolution }: { resolution: Alert["resolution"] }) {
  if (resolution === "fraud") {
    return <Tag tone="bad" icon="cross" word="Fraud" />;
  }
  if (resolution === "legitimate") {
    return <Tag tone="good" icon="check" word="Legitimate" />;
  }
  return <Tag tone="warn" icon="dot" word="Open" />;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}
