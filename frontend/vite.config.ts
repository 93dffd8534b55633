/**
 * Builds the dashboard into dist/, which the gateway serves under a strict Content-Security-Policy:
 * nothing inline, everything from its own origin, hashed names for all but index.html.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Pages and the interface share addresses (/transactions/…): who asks for HTML gets the page.
const gateway = {
  target: `http://127.0.0.1:${process.env.AETHER_PORT ?? "8420"}`,
  bypass: (request: IncomingMessage) =>
    request.headers.accept?.includes("text/html") ? "/index.html" : undefined,
};
const PATHS = ["/auth", "/transactions/", "/alerts/", "/analytics", "/events"];
const ADMINISTRATION = ["/users/", "/clients/", "/keys/", "/audit/"];
const proxy = Object.fromEntries([...PATHS, ...ADMINISTRATION].map((path) => [path, gateway]));

/** Writes what is worth it once more as `.br`, which the gateway sends to browsers that take it. */
function brotli(): Plugin {
  return {
    name: "aether-brotli",
    apply: "build",
    writeBundle(options, bundle) {
      for (const name of Object.keys(bundle)) {
        const file = join(options.dir ?? "dist", name);
        if (/\.(js|css|html|svg)$/.test(name)) {
          // The best quality takes seconds more and saves two per cent.
          const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
          writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }));
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), brotli()],
  build: {
    target: "es2023",
    // Inlined assets would become data: URLs, which the policy allows for pictures only.
    assetsInlineLimit: 0,
    // Read by scripts/budget.mjs, which follows the static imports of the entry.
    manifest: true,
    sourcemap: false,
    // The dashboard, and the page that shows the HTTP interface.
    rollupOptions: { input: ["index.html", "docs.html"] },
    // The largest is Swagger UI, which is loaded by its own page alone.
    chunkSizeWarningLimit: 1_600,
  },
  // `npm run dev` beside a running system: AETHER_PORT as in its settings.
  server: { proxy },
  preview: { proxy },
  test: {
    restoreMocks: true,
    // Far from UTC: an instant that is shown in the reader's own zone by mistake is found out.
    env: { TZ: "America/New_York" },
    // A browser takes a second to be made for each file: what needs none runs without.
    projects: [
      {
        extends: true,
        test: { name: "pure", environment: "node", include: ["tests/pure/**/*.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "dom",
          environment: "jsdom",
          include: ["tests/dom/**/*.test.{ts,tsx}"],
          setupFiles: ["tests/setup.ts"],
        },
      },
    ],
  },
});
