/** The certificate of the port, as `monitor doctor` looks at it. */
import { readKeyPair } from "../certificate/key_pair.ts";
import type { Config } from "../config.ts";
import { failed, type Finding, findingOf, ok, warning } from "./check.ts";

const DAY_MS = 86_400_000;
/** Authorities renew a month before the end; what is older than this was forgotten. */
const EXPIRES_DAYS_LOW = 14;

/** Undefined when the port speaks plain HTTP. */
export function checkCertificate(
  { tls }: Pick<Config, "tls">,
  now_ms: number,
): Finding | undefined {
  const { certificate_file, key_file } = tls;
  if (certificate_file === undefined || key_file === undefined) return undefined;
  try {
    const { valid_to_ms } = readKeyPair({ certificate_file, key_file }, now_ms);
    const days = Math.floor((valid_to_ms - now_ms) / DAY_MS);
    const found = `valid until ${new Date(valid_to_ms).toISOString().slice(0, 10)}, ${days} days`;
    if (days >= EXPIRES_DAYS_LOW) return ok(found);
    return warning(found, "renew it; a running server takes the new files by itself");
  } catch (error) {
    return findingOf(error) ?? failed(String(error), "correct tls.certificate_file");
  }
}
