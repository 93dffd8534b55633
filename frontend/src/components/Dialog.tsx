/**
 * Dialog: the browser's own modal, as a card in the middle or as a drawer at the right.
 * It holds the focus, closes by Escape and by a click beside it, and gives the focus back. One that
 * holds what cannot be had again does not close by a click beside it.
 */
import type { MouseEvent, ReactNode } from "react";
import { useEffect, useId, useRef } from "react";
import { Icon } from "./Icon";

interface DialogProps {
  title: ReactNode;
  isDrawer?: boolean;
  isHeld?: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({
  title,
  isDrawer = false,
  isHeld = false,
  onClose,
  children,
}: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element && !element.open) {
      element.showModal();
      // The browser's choice is the first control, which closes it again.
      element.querySelector<HTMLElement>("[data-first]")?.focus();
    }
    return () => {
      element?.close();
      // What it was opened by may be gone by what was done: then reading goes on at the page's top.
      const back =
        before instanceof HTMLElement && before.isConnected ? before : document.querySelector("h1");
      back?.focus({ preventScroll: true });
    };
  }, []);
  const closeOnBackdrop = (event: MouseEvent) => {
    if (event.target === dialog.current && !isHeld) {
      onClose();
    }
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, by the browser itself
    <dialog
      ref={dialog}
      className={`dialog${isDrawer ? " drawer" : ""}`}
      aria-labelledby={titleId}
      onClick={closeOnBackdrop}
      onCancel={(event) => {
        // The state decides whether it is open: the browser does not close it by itself.
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" className="button quiet square" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}
