/** Reads a certificate and its key from their files, and says what is wrong with them. */
import { Buffer } from "node:buffer";
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { KeyPair } from "./der.ts";

/** The files cannot be used. A mistake of who wrote the settings: told without a stack, exit code 2. */
export class CertificateError extends Error {
  override name = "CertificateError";
  readonly exit_code = 2;
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export interface TlsFiles {
  certificate_file: string;
  key_file: string;
}

export interface LoadedKeyPair extends KeyPair {
  /** `sha256:` and 64 hexadecimal digits, of the whole certificate. */
  fingerprint: string;
  valid_to_ms: number;
}

/** What agents can be told to trust: the SHA-256 of the certificate. */
export function fingerprintOf(certificate: Uint8Array): string {
  return `sha256:${createHash("sha256").update(certificate).digest("hex")}`;
}

function readFile(setting: string, file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is none of this name"
      : error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : "it cannot be read as a text";
    throw new CertificateError(
      `tls.${setting} must be a readable file: ${why}: current value is "${file}"`,
      "correct the name, or make both with: monitor certificate create",
    );
  }
}

/** Throws CertificateError unless both fit each other and are valid at `now_ms`. */
export function readKeyPair(files: TlsFiles, now_ms: number): LoadedKeyPair {
  const { certificate_file, key_file } = files;
  const cert = readFile("certificate_file", certificate_file);
  const key = readFile("key_file", key_file);
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch {
    throw new CertificateError(
      `tls.certificate_file has no certificate in PEM form: current value is "${certificate_file}"`,
      "it begins with -----BEGIN CERTIFICATE-----; the server's own comes first, then those between",
    );
  }
  let private_key: KeyObject;
  try {
    private_key = createPrivateKey(key);
  } catch {
    throw new CertificateError(
      `tls.key_file has no private key in PEM form: current value is "${key_file}"`,
      "it begins with -----BEGIN PRIVATE KEY----- and has no passphrase",
    );
  }
  if (!parsed.checkPrivateKey(private_key)) {
    throw new CertificateError(
      `The key in "${key_file}" does not belong to the certificate in "${certificate_file}"`,
      "name the two files that were made together; the server's own certificate comes first",
    );
  }
  const [from_ms, valid_to_ms] = [Date.parse(parsed.validFrom), Date.parse(parsed.validTo)];
  if (now_ms > valid_to_ms || now_ms < from_ms) {
    const [word, at_ms] = now_ms > valid_to_ms
      ? ["has expired", valid_to_ms]
      : ["is not valid yet", from_ms];
    throw new CertificateError(
      `The certificate in "${certificate_file}" ${word}: ${new Date(at_ms).toISOString()}`,
      "renew it, or make another with: monitor certificate create",
    );
  }
  return { cert, key, fingerprint: fingerprintOf(Buffer.from(parsed.raw)), valid_to_ms };
}
