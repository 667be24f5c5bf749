/** Who is let in: the section `access`. */
import { z } from "zod";
import { oneOf, section, whole } from "./values.ts";

export const ACCESS_MODES = ["open", "required"] as const;

export const accessSchema = section({
  mode: oneOf(ACCESS_MODES).default("open")
    .describe(
      "open: everybody who reaches the server may do everything, for this machine alone; " +
        "required: who asks shows a token (docs/security.md)",
    ),
  signatures: z.boolean("must be true or false").default(false)
    .describe(
      "Whether agents may sign reports by their tokens instead of sending them; the stored hashes " +
        "of agents' tokens are secrets then (docs/security.md)",
    ),
  session_days: whole({ min: 1, max: 366, what: "a number of days" }).default(30)
    .describe("How long a browser stays logged in, in days"),
});

/** Addresses that nobody reaches from elsewhere. */
const LOOPBACK = /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/i;

/** An open server that others can reach is a fault: everybody could do everything. */
export function checkAccess(
  { access, webapp: { host, trust_proxy } }: {
    access: z.infer<typeof accessSchema>;
    webapp: { host: string; trust_proxy: readonly string[] };
  },
  context: z.RefinementCtx,
): void {
  if (access.mode === "required") return;
  const is_local = LOOPBACK.test(host);
  if (is_local && trust_proxy.length === 0) return;
  const reached = is_local
    ? "a proxy lets others in (webapp.trust_proxy)"
    : `other machines reach the server (webapp.host is "${host}")`;
  const instead = is_local ? "take trust_proxy away" : "listen on 127.0.0.1";
  context.addIssue({
    code: "custom",
    path: ["access", "mode"],
    message: `must be "required" where ${reached}: make a token with ` +
      '"monitor token create --role admin --label me", then set access.mode to "required" ' +
      `(MONITOR_ACCESS_MODE=required), or ${instead}: current value is "open"`,
  });
}
