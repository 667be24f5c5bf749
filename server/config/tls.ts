/** TLS, and who stands in front of the server: docs/tls.md. */
import { isIP } from "node:net";
import { z } from "zod";
import { shown } from "../../report.ts";
import { section, text } from "./values.ts";

export const tlsSchema = section({
  certificate_file: text("the name of a file").optional()
    .describe(
      "The server's certificate in PEM form, and those between it and its authority; with it the " +
        "port speaks only https. Read again when it changes",
    ),
  key_file: text("the name of a file").optional()
    .describe("The certificate's private key in PEM form, without a passphrase"),
});

/** An address or a network such as 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  return bits === undefined ||
    (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

const networkSchema = z.string({
  error: (issue) =>
    `must be an address or a network, such as 10.0.0.0/8: current value is ${shown(issue.input)}`,
}).refine(isNetwork, {
  error: (issue) =>
    `must be an address or a network, such as 10.0.0.0/8: current value is ${shown(issue.input)}`,
});

/** `webapp.trust_proxy` */
export const trustProxySchema = z.array(networkSchema, {
  error: (issue) =>
    `must be a list of addresses and networks, such as ["127.0.0.1"]: current value is ${
      shown(issue.input)
    }`,
}).default([])
  .describe(
    "Addresses and networks of proxies whose word about who asks (Forwarded, X-Forwarded-For) is taken",
  );

/** Both files, or none: the one without the other is a mistake. */
export function checkTls(
  { tls }: { tls: z.infer<typeof tlsSchema> },
  context: z.RefinementCtx,
): void {
  for (
    const [there, missing] of [["certificate_file", "key_file"], [
      "key_file",
      "certificate_file",
    ]] as const
  ) {
    if (tls[there] === undefined || tls[missing] !== undefined) continue;
    context.addIssue({
      code: "custom",
      path: ["tls", missing],
      message: `must be given together with tls.${there}`,
    });
  }
}
