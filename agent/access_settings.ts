/** The settings that say how the agent gets in: a token, or a code by which it gets one. */
import { z } from "zod";
import { nameFault, shown } from "../report.ts";

/** A text of one line. */
export function settingText(chars_max: number) {
  return z.string({ error: (issue) => `must be a text: current value is ${shown(issue.input)}` })
    .superRefine((value, context) => {
      const fault = nameFault(value, chars_max);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    });
}

const CHARS_MAX = 4_096;

export const accessShape = {
  /** Sent as `Authorization: Bearer …`. */
  token: settingText(CHARS_MAX).optional(),
  /** A file with the token in it, so that the token is in no configuration and no environment. */
  token_file: settingText(CHARS_MAX).optional(),
  /** A code of `monitor token join-code`: without a token the agent gets one of its own by it. */
  join_code: settingText(CHARS_MAX).optional(),
  /** A file with the code in it. It is read only when it is needed, and may be gone afterwards. */
  join_code_file: settingText(CHARS_MAX).optional(),
  /** Reports are signed by the token, which is not sent: `access.signatures` on the server. */
  sign: z.boolean().default(false),
};

/** With the token that `token_file` names, or what is wrong with that. */
export async function withToken<T extends { token_file?: string; token?: string }>(
  settings: T,
): Promise<T | string> {
  const { token_file } = settings;
  if (token_file === undefined) return settings;
  try {
    const token = (await Deno.readTextFile(token_file)).trim();
    return token === "" ? `token_file ${shown(token_file)} is empty` : { ...settings, token };
  } catch {
    return `token_file must be a file that can be read: current value is ${shown(token_file)}`;
  }
}
