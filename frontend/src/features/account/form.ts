/** The form of a new password. */
import * as z from "zod/mini";
import { newPassword } from "../sign-in/form";

export const passwordForm = z
  .object({
    current_password: z.string().check(z.minLength(1, "Enter your current password.")),
    new_password: newPassword,
  })
  .check(
    z.refine((form) => form.new_password !== form.current_password, {
      path: ["new_password"],
      message: "This is your current password.",
    }),
  );

export type PasswordValues = z.infer<typeof passwordForm>;
export const NO_PASSWORDS: PasswordValues = { current_password: "", new_password: "" };

/** The form's field that the gateway means, if it is one of these. */
export function fieldOf(name: string): keyof PasswordValues | undefined {
  // The rule is the same for every new password; where it is not said which, the new one is meant.
  const last = name.split(".").at(-1);
  return last === "current_password"
    ? last
    : last === "new_password" || last === "password"
      ? "new_password"
      : undefined;
}
