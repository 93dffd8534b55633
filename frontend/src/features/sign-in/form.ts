/** The forms of sign-in and registration. */
import * as z from "zod/mini";

export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_LENGTH_MAX = 128;
/** The rule, for people. */
export const PASSWORD_RULE = `${PASSWORD_LENGTH_MIN} to ${PASSWORD_LENGTH_MAX} characters; a sentence is easy to remember and hard to guess.`;

/** What looks like an e-mail address; the gateway judges it. */
export const EMAIL = /^[^\s@]+@[^\s@]+$/;

const email = z
  .string()
  .check(
    z.trim(),
    z.minLength(1, "Enter your e-mail address."),
    z.regex(EMAIL, "Enter an e-mail address such as ana@example.com."),
  );

export const loginForm = z.object({
  email,
  password: z.string().check(z.minLength(1, "Enter your password.")),
});

/** A password somebody chooses; the gateway says besides when it is easily guessed. */
export const newPassword = z.string().check(
  z.refine(
    // Characters as the gateway counts them, not UTF-16 units.
    (value) => [...value].length >= PASSWORD_LENGTH_MIN,
    `At least ${PASSWORD_LENGTH_MIN} characters.`,
  ),
  z.refine(
    (value) => [...value].length <= PASSWORD_LENGTH_MAX,
    `At most ${PASSWORD_LENGTH_MAX} characters.`,
  ),
);

export const registrationForm = z.object({ email, password: newPassword });

export type Credentials = z.infer<typeof loginForm>;
export const NO_CREDENTIALS: Credentials = { email: "", password: "" };
