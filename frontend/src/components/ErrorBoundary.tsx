/** ErrorBoundary: a fault in one page leaves the rest standing, and says so. */
import { Component, type ReactNode } from "react";
import { Notice } from "./Notice";

interface Props {
  children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) {
      return this.props.children;
    }
    return (
      <Notice tone="bad" role="alert">
        <p>
          <strong>This page could not be shown.</strong>
        </p>
        <p>Perhaps a newer version was installed meanwhile. Nothing was sent or changed.</p>
        <p>
          <button type="button" className="link-button" onClick={() => location.reload()}>
            Load it again
          </button>
        </p>
      </Notice>
    );
  }
}
