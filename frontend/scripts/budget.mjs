/**
 * Fails when the built dashboard weighs more than it may: kB as they travel, compressed by gzip.
 *
 * The shell is the entry and what it imports at once. The first route is the shell, the overview and its
 * chart. Every other chunk comes when its page is opened.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = { shell: 120, "first route with chart": 240, "other chunk": 40 };
// `npm run check` builds aside: a running gateway serves dist/, which must not vanish under it.
const DIST = new URL(`../${process.argv[2] ?? "dist"}/`, import.meta.url);
const FIRST_ROUTE = [
  "src/features/overview/OverviewPage.tsx",
  "src/features/forecast/LoadChart.tsx",
];

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", DIST), "utf8"));
const entry = "index.html";
const shell = filesOf(entry);
const firstRoute = new Set([...shell, ...FIRST_ROUTE.flatMap((key) => [...filesOf(key)])]);

const rows = [
  ["shell", BUDGET_KB.shell, weightOf(shell)],
  ["first route with chart", BUDGET_KB["first route with chart"], weightOf(firstRoute)],
];
for (const [key, chunk] of Object.entries(manifest)) {
  const files = [...filesOf(key)].filter((file) => !firstRoute.has(file));
  if (chunk.isDynamicEntry && files.length > 0) {
    rows.push([chunk.name ?? key, BUDGET_KB["other chunk"], weightOf(files)]);
  }
}

let isOver = false;
for (const [name, most, kb] of rows) {
  const verdict = kb <= most ? "ok" : "TOO MUCH";
  isOver ||= kb > most;
  process.stdout.write(
    `${name.padEnd(26)} ${kb.toFixed(1).padStart(7)} kB of ${String(most).padStart(3)}  ${verdict}\n`,
  );
}
process.exitCode = isOver ? 1 : 0;

/** Files that a chunk needs at once: itself, its styles, and what it imports statically. */
function filesOf(key, seen = new Set(), files = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(key)) {
    return files;
  }
  seen.add(key);
  files.add(chunk.file);
  for (const style of chunk.css ?? []) {
    files.add(style);
  }
  for (const imported of chunk.imports ?? []) {
    filesOf(imported, seen, files);
  }
  return files;
}

function weightOf(files) {
  let bytes = 0;
  for (const file of files) {
    bytes += gzipSync(readFileSync(new URL(file, DIST)), { level: 9 }).length;
  }
  return bytes / 1000;
}
