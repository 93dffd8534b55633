/** NarrowPage: the frame of the pages before sign-in. */
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "react-router";
import { Brand } from "../../components/Brand";

export function NarrowPage({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Unless the page has taken the focus to the one field that it is for.
    if (document.activeElement === document.body) {
      heading.current?.focus();
    }
  }, []);
  return (
    <div className="narrow">
      <title>{`${title} · Aether`}</title>
      <main>
        <Link className="brand" to="/">
          <Brand />
        </Link>
        <div className="card stack">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {children}
        </div>
      </main>
    </div>
  );
}
