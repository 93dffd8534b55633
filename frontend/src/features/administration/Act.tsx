/** Act: something that can be done to what is shown, with a sentence that says what it brings. */
import type { ReactNode } from "react";

interface ActProps {
  title: string;
  children: ReactNode;
  /** The control that begins it. */
  control: ReactNode;
}

export function Act({ title, children, control }: ActProps) {
  return (
    <div className="act">
      <div>
        <h3>{title}</h3>
        <p className="small muted">{children}</p>
      </div>
      <div className="act-control">{control}</div>
    </div>
  );
}
