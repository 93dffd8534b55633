/** SecondFactorPanel: whether signing in takes a code of an app, and how to change that. */
import { useState } from "react";
import { session } from "../../api/session";
import type { Identity } from "../../api/types";
import { Panel } from "../../components/Panel";
import { useToast } from "../../components/Toaster";
import { Removal } from "./Removal";
import { SetUp } from "./SetUp";
import "./second-factor.css";

interface SecondFactorPanelProps {
  identity: Identity;
  /** It is on or off now, and other sessions have ended. */
  onChange: () => void;
}

export function SecondFactorPanel({ identity, onChange }: SecondFactorPanelProps) {
  const [isOpen, setIsOpen] = useState(false);
  const toast = useToast();
  const isOn = identity.second_factor === "on";
  const finish = async () => {
    setIsOpen(false);
    await session.identify();
    toast("check", isOn ? "The second factor is off" : "The second factor is on");
    onChange();
  };
  return (
    <Panel
      title="Second factor"
      state={{ kind: "ready" }}
      actions={
        <button type="button" className="button" onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? "Cancel" : isOn ? "Turn off…" : "Set up…"}
        </button>
      }
    >
      {isOpen ? (
        isOn ? (
          <Removal onDone={finish} />
        ) : (
          <SetUp onDone={finish} />
        )
      ) : (
        <p>
          {isOn
            ? "On: signing in takes a one-time code besides your password."
            : "Off: your password alone signs you in."}
        </p>
      )}
    </Panel>
  );
}
