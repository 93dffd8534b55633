/** Notice: something the reader should know at this place. */
import type { ReactNode, Ref } from "react";
import { Icon, type IconName } from "./Icon";

interface NoticeProps {
  tone: "info" | "good" | "warn" | "bad";
  children: ReactNode;
  /** Moves focus here, so that it is heard. */
  ref?: Ref<HTMLDivElement>;
  role?: "alert" | "status";
}

const ICONS: Readonly<Record<NoticeProps["tone"], IconName>> = {
  info: "help",
  good: "check",
  warn: "alerts",
  bad: "alerts",
};

export function Notice({ tone, children, ref, role }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} ref={ref} role={role} tabIndex={ref ? -1 : undefined}>
      <Icon name={ICONS[tone]} />
      <div className="grow">{children}</div>
    </div>
  );
}
