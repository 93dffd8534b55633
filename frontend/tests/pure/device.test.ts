/** People recognise their own machine by its words, whatever the header says of its ancestors. */
import { expect, it } from "vitest";
import { nameDevice } from "../../src/features/account/device";

const LINUX = "Mozilla/5.0 (X11; Linux x86_64";
const CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

it.each([
  [`${LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0`, "Firefox on Linux"],
  [`${LINUX}) ${CHROME}`, "Chrome on Linux"],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Edg/140.0.0.0`, "Edge on Windows"],
  [`Mozilla/5.0 (Linux; Android 15; Pixel 9) ${CHROME}`, "Chrome on Android"],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)" +
      " Version/18.0 Mobile/15E148 Safari/604.1",
    "Safari on an iPhone",
  ],
  ["curl/8.5.0", "curl"],
  ["python-httpx/0.28.1", "python-httpx"],
  ["aether-tui", "The Aether console"],
  ["Firefox/1.0 by somebody", "Firefox"],
  ["", "An unknown device"],
  [null, "An unknown device"],
])("%j is %s", (userAgent, words) => {
  expect(nameDevice(userAgent)).toBe(words);
});
