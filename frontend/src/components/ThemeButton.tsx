/** ThemeButton: as the system has it, light, dark. */
import { useState } from "react";
import { nextTheme, readTheme } from "../theme";
import { Icon } from "./Icon";

export function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <button
      type="button"
      className="button quiet square"
      aria-label={`Theme: ${theme}`}
      title={`Theme: ${theme}`}
      onClick={() => setTheme(nextTheme(theme))}
    >
      <Icon name={theme} />
    </button>
  );
}
