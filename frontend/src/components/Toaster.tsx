/** Toaster: short news at the edge of the page, read aloud once, gone by itself or by a click. */
import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from "react";
import { Icon, type IconName } from "./Icon";

interface Toast {
  id: number;
  icon: IconName;
  content: ReactNode;
}

type Show = (icon: IconName, content: ReactNode) => void;

const SHOWN_MS = 8_000;
const SHOWN_COUNT_MAX = 3;
const ShowToast = createContext<Show>(() => undefined);

export function useToast(): Show {
  return use(ShowToast);
}

export function Toaster({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const nextId = useRef(0);
  const hide = useCallback((id: number) => {
    setToasts((shown) => shown.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback<Show>(
    (icon, content) => {
      const id = nextId.current++;
      setToasts((shown) => [...shown, { id, icon, content }].slice(-SHOWN_COUNT_MAX));
      setTimeout(() => hide(id), SHOWN_MS);
    },
    [hide],
  );
  const list = useMemo(
    () =>
      toasts.map((toast) => (
        <div className="toast" key={toast.id}>
          <Icon name={toast.icon} />
          <div>{toast.content}</div>
          <button
            type="button"
            className="button quiet square"
            aria-label="Dismiss"
            onClick={() => hide(toast.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      )),
    [toasts, hide],
  );
  return (
    <ShowToast value={show}>
      {children}
      <div className="toasts" role="status">
        {list}
      </div>
    </ShowToast>
  );
}
