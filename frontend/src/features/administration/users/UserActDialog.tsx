/** UserActDialog: asks before something is done to a user; shows a new password, once. */
import { type ReactNode, useState } from "react";
import { useAct } from "../../../act";
import type { User } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { SecretDialog } from "../../../components/SecretDialog";
import { useToast } from "../../../components/Toaster";
import { useActOnUser } from "./queries";
import { ROLE_MEANS } from "./roles";
import type { UserAct } from "./UserDrawer";

interface UserActDialogProps {
  user: User;
  act: UserAct;
  onClose: () => void;
}

export function UserActDialog({ user, act, onClose }: UserActDialogProps) {
  const toast = useToast();
  const words = wordsOf(user, act);
  // Here and nowhere else: gone when the dialog is.
  const [password, setPassword] = useState<string | undefined>();
  const acting = useAct(useActOnUser(), (done) => {
    if (done.password !== undefined) {
      setPassword(done.password);
    } else {
      onClose();
      toast("check", words.done);
    }
  });
  if (password !== undefined) {
    return (
      <SecretDialog
        title="A new password"
        credentials={[{ label: "Password", text: password }]}
        onClose={onClose}
      >
        <p className="break">
          <strong>{user.email}</strong> signs in with it from now on, and changes it at “Account”.
          Their sessions have ended.
        </p>
      </SecretDialog>
    );
  }
  return (
    <ConfirmDialog
      title={words.title}
      confirmWord={words.verb}
      tone={act.kind === "enable" ? "primary" : "bad"}
      isSending={acting.isUnderWay}
      error={acting.error}
      onConfirm={() => acting.run(user.user_id, act)}
      onClose={onClose}
    >
      <p className="break">{words.sentence}</p>
    </ConfirmDialog>
  );
}

interface Words {
  title: string;
  verb: string;
  sentence: ReactNode;
  done: string;
}

function wordsOf(user: User, act: UserAct): Words {
  const who = <strong>{user.email}</strong>;
  switch (act.kind) {
    case "role":
      return {
        title: "Change the role",
        verb: "Change role",
        sentence: (
          <>
            {who} becomes <strong>{act.role}</strong>, and was {user.role}. {ROLE_MEANS[act.role]}{" "}
            It holds at once, in the sessions that they have as well.
          </>
        ),
        done: `${user.email} is ${act.role} now`,
      };
    case "reset":
      return {
        title: "Reset the password",
        verb: "Reset password",
        sentence: (
          <>
            {who} gets a new password at random. The old one is refused from then on, and their
            sessions end at once.
          </>
        ),
        done: `${user.email} has a new password`,
      };
    case "remove-second-factor":
      return {
        title: "Take the second factor away",
        verb: "Take away",
        sentence: (
          <>
            {who} signs in by the password alone from then on, and their sessions end at once. Make
            sure by another way that it is they who lost their app.
          </>
        ),
        done: `${user.email} has no second factor now`,
      };
    case "sign-out":
      return {
        title: "Sign out everywhere",
        verb: "Sign out",
        sentence: (
          <>
            All sessions of {who} end at once, on every device. They can sign in again with their
            password.
          </>
        ),
        done: `${user.email} is signed out everywhere`,
      };
    case "disable":
      return {
        title: "Disable this user",
        verb: "Disable",
        sentence: (
          <>
            {who}, {user.role}, is signed out at once and cannot sign in until somebody enables them
            again.
          </>
        ),
        done: `${user.email} is disabled`,
      };
    case "enable":
      return {
        title: "Enable this user",
        verb: "Enable",
        sentence: (
          <>
            {who} can sign in again, as {user.role}, with the password they had.
          </>
        ),
        done: `${user.email} is enabled`,
      };
  }
}
