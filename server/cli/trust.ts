/** Which certificates a command trusts besides those of this system. */
import { UsageError } from "./failure.ts";
import { safeText } from "./text.ts";

/** What MONITOR_SERVER_CA_FILE says; undefined when it says nothing. Throws UsageError. */
export function trusting(
  env: Readonly<Record<string, string | undefined>>,
): Deno.HttpClient | undefined {
  const file = env.MONITOR_SERVER_CA_FILE;
  if (!file) return undefined;
  let pem = "";
  try {
    pem = Deno.readTextFileSync(file);
  } catch {
    // told below, as what has no certificate in it
  }
  const caCerts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (caCerts.length > 0) return Deno.createHttpClient({ caCerts });
  throw new UsageError(
    "MONITOR_SERVER_CA_FILE must be a readable file with certificates in PEM form: current value " +
      `is "${safeText(file)}"`,
  );
}
