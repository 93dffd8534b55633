/** DevicePage: signs in a device that shows a code (RFC 8628), once its person has approved it. */
import { useState } from "react";
import { useSearchParams } from "react-router";
import { Notice } from "../../components/Notice";
import { Page } from "../../components/Page";
import { CodeForm } from "./CodeForm";
import { readCode, wordsOf } from "./code";
import { Decision } from "./Decision";
import "./device.css";
import { useDeviceRequest } from "./queries";

type Outcome = "approved" | "denied";

export function DevicePage() {
  const [parameters, setParameters] = useSearchParams();
  const code = readCode(parameters.get("code") ?? "") ?? "";
  const asked = useDeviceRequest(code);
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const startOver = () => {
    setOutcome(undefined);
    setParameters({}, { replace: true });
  };
  return (
    <Page title="Sign in a device">
      <div className="device card stack">
        {outcome ? (
          <Done outcome={outcome} onStartOver={startOver} />
        ) : asked.data ? (
          <Decision code={code} request={asked.data} onDecided={setOutcome} onBack={startOver} />
        ) : (
          <CodeForm
            // A code in the address is asked about as if it had been typed.
            key={code}
            code={code}
            isAsking={asked.isFetching}
            failure={asked.error ? wordsOf(asked.error) : undefined}
            onCode={(next) =>
              next === code
                ? void asked.refetch()
                : setParameters({ code: next }, { replace: true })
            }
          />
        )}
      </div>
    </Page>
  );
}

function Done({ outcome, onStartOver }: { outcome: Outcome; onStartOver: () => void }) {
  return (
    <>
      <Notice tone={outcome === "approved" ? "good" : "info"} role="status">
        {outcome === "approved" ? (
          <p>
            <strong>The device is signed in as you.</strong> Go back to it; it goes on by itself in
            a few seconds. You can end its session on your account page.
          </p>
        ) : (
          <p>
            <strong>The device gets nothing.</strong> If you did not expect it, somebody else may
            have asked: nobody needs a code of yours by phone or mail.
          </p>
        )}
      </Notice>
      <div className="form-actions">
        <button type="button" className="button" onClick={onStartOver}>
          Sign in another device
        </button>
      </div>
    </>
  );
}
