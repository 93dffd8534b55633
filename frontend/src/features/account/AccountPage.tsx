/** AccountPage: who one is, how one signs in, and where one is signed in. */
import { useQueryClient } from "@tanstack/react-query";
import { session } from "../../api/session";
import { Page } from "../../components/Page";
import { Panel } from "../../components/Panel";
import { useToast } from "../../components/Toaster";
import { SecondFactorPanel } from "../second-factor/SecondFactorPanel";
import { useIdentity } from "../sign-in/session";
import "./account.css";
import { PasswordForm } from "./PasswordForm";
import { Profile } from "./Profile";
import { SessionsPanel } from "./SessionsPanel";

const READY = { kind: "ready" } as const;

export function AccountPage() {
  const identity = useIdentity();
  const queryClient = useQueryClient();
  const toast = useToast();
  const changePassword = async (currentPassword: string, newPassword: string) => {
    await session.changePassword(currentPassword, newPassword);
    toast("check", "Your password is changed; your other sessions have ended");
    void queryClient.invalidateQueries({ queryKey: ["sessions"] });
  };
  return (
    <Page title="Account">
      <div className="columns even">
        <div className="stack">
          <Panel title="You" state={READY}>
            <Profile identity={identity} />
          </Panel>
          <Panel title="Password" state={READY}>
            <PasswordForm email={identity.email} onChange={changePassword} />
          </Panel>
          <SecondFactorPanel
            identity={identity}
            onChange={() => void queryClient.invalidateQueries({ queryKey: ["sessions"] })}
          />
        </div>
        <div>
          <SessionsPanel />
        </div>
      </div>
    </Page>
  );
}
