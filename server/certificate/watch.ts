/**
 * Looks whether a certificate has been renewed. One that cannot be used does not take the place of the
 * one in use: it is told once, and looked at again.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { CertificateError, type LoadedKeyPair, readKeyPair, type TlsFiles } from "./key_pair.ts";

/** How often the files are read. Renewals come days before they are needed. */
const LOOK_MS = 10_000;

/** Calls `onRenewed` with each new pair until `signal` is aborted. */
export async function watchKeyPair(
  files: TlsFiles,
  options: {
    used: LoadedKeyPair;
    clock: Clock;
    log: Logger;
    signal: AbortSignal;
    onRenewed: (pair: LoadedKeyPair) => Promise<void>;
  },
): Promise<void> {
  const { clock, log, signal, onRenewed } = options;
  let { used } = options;
  let told = "";
  for (;;) {
    await clock.sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    try {
      const pair = readKeyPair(files, clock.now());
      told = "";
      if (pair.cert === used.cert && pair.key === used.key) continue;
      used = pair;
      await onRenewed(pair);
      log.info("the certificate was renewed", {
        fingerprint: pair.fingerprint,
        valid_to: new Date(pair.valid_to_ms).toISOString(),
      });
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      if (error.message !== told) {
        log.error("the certificate's files cannot be used; the one from before is kept", {
          error,
          hint: error.hint,
        });
      }
      told = error.message;
    }
  }
}
