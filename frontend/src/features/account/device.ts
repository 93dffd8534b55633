/** Devices: what a User-Agent header says, in words that people recognise their own machine by. */

// The first that fits: browsers name the ones that they descend from as well.
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\/|\bEdgiOS\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\//, "Headless Chrome"],
  [/\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, "an iPhone"],
  [/\biPad\b/, "an iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "a Mac"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** "Firefox on Linux", "curl", or "An unknown device". */
export function nameDevice(userAgent: string | null | undefined): string {
  if (!userAgent) {
    return "An unknown device";
  }
  if (/^aether-tui\b/.test(userAgent)) {
    return "The Aether console";
  }
  const program = PROGRAMS.find(([sign]) => sign.test(userAgent))?.[1];
  if (program === undefined || !userAgent.startsWith("Mozilla/")) {
    // A program by its first word: "curl/8.5.0", "python-httpx/0.28.1".
    return userAgent.split(/[/ ]/, 1)[0] || "An unknown device";
  }
  const system = SYSTEMS.find(([sign]) => sign.test(userAgent))?.[1];
  return system ? `${program} on ${system}` : program;
}
