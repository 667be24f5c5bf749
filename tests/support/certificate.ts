/** Certificates of tests, for `localhost` and 127.0.0.1. */
import { type KeyPair, selfSigned as make } from "../../server/certificate/der.ts";

export type TestCertificate = KeyPair;

/** With a key of its own. */
export function selfSigned(
  valid: { from_ms: number; to_ms: number },
): TestCertificate {
  return make({ names: ["localhost", "127.0.0.1"], ...valid });
}
