/** Theme: light, dark, or as the system has it; remembered in this browser. */

export type Theme = "system" | "light" | "dark";

const KEY = "aether.theme";
const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

export function readTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Takes the next of system, light and dark, and returns it. */
export function nextTheme(theme: Theme): Theme {
  const next = NEXT[theme];
  localStorage.setItem(KEY, next);
  applyTheme();
  return next;
}

/** Sets the document's colours, and follows the system's when that is the choice. */
export function followTheme(): void {
  applyTheme();
  darkQuery().addEventListener("change", applyTheme);
}

function applyTheme(): void {
  const theme = readTheme();
  const isDark = theme === "system" ? darkQuery().matches : theme === "dark";
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

function darkQuery(): MediaQueryList {
  return matchMedia("(prefers-color-scheme: dark)");
}
