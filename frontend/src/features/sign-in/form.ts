/** The forms of sign-in and registration. */
import * as z from "zod/mini";

export const PASSWORD_LENGTH_MIN = 8;
/** Bytes of UTF-8: what bcrypt hashes. */
export const PASSWORD_BYTES_MAX = 72;

const email = z
  .string()
  .check(
    z.trim(),
    z.minLength(1, "Enter your e-mail address."),
    z.regex(/^[^\s@]+@[^\s@]+$/, "Enter an e-mail address such as ana@example.com."),
  );

export const loginForm = z.object({
  email,
  password: z.string().check(z.minLength(1, "Enter your password.")),
});

export const registrationForm = z.object({
  email,
  password: z.string().check(
    z.minLength(PASSWORD_LENGTH_MIN, `At least ${PASSWORD_LENGTH_MIN} characters.`),
    z.refine(
      (value) => new TextEncoder().encode(value).length <= PASSWORD_BYTES_MAX,
      `At most ${PASSWORD_BYTES_MAX} bytes.`,
    ),
  ),
});

export type Credentials = z.infer<typeof loginForm>;
export const NO_CREDENTIALS: Credentials = { email: "", password: "" };
