/** OwedPage: all there is for who must set up a second factor first. */
import { session } from "../../api/session";
import { Notice } from "../../components/Notice";
import { NarrowPage } from "../sign-in/NarrowPage";
import { SetUp } from "./SetUp";
import "./second-factor.css";

export function OwedPage() {
  return (
    <NarrowPage title="Set up a second factor">
      <Notice tone="info">
        <p>It is needed here before anything else.</p>
      </Notice>
      <SetUp onDone={() => void session.identify()} />
      <button type="button" className="link-button" onClick={() => void session.signOut()}>
        Sign out
      </button>
    </NarrowPage>
  );
}
