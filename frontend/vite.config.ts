/**
 * Builds the dashboard into dist/, which the gateway serves under a strict Content-Security-Policy:
 * nothing inline, everything from its own origin, hashed names for all but index.html.
 */
import type { IncomingMessage } from "node:http";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Pages and the interface share addresses (/transactions/…): who asks for HTML gets the page.
const gateway = {
  target: `http://127.0.0.1:${process.env.AETHER_PORT ?? "8420"}`,
  bypass: (request: IncomingMessage) =>
    request.headers.accept?.includes("text/html") ? "/index.html" : undefined,
};
const proxy = Object.fromEntries(
  ["/auth", "/transactions/", "/alerts/", "/analytics", "/events"].map((path) => [path, gateway]),
);

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    // Inlined assets would become data: URLs, which the policy allows for pictures only.
    assetsInlineLimit: 0,
    // Read by scripts/budget.mjs, which follows the static imports of the entry.
    manifest: true,
    sourcemap: false,
    chunkSizeWarningLimit: 450,
  },
  // `npm run dev` beside a running system: AETHER_PORT as in its settings.
  server: { proxy },
  preview: { proxy },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
  },
});
