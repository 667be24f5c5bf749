/**
 * Signed requests: an agent shows that it has a token without sending it. Agent and server agree here
 * on what is signed and how it is written:
 *
 *   Authorization: MonitorSignature name=mon_4f2k9xqa, time=<ms since 1970>, nonce=<22 characters>,
 *     body=<SHA-256 of the body as it travels, hex>, signature=<HMAC-SHA256, base64url>
 *
 * The key is SHA-256 of the token's text, which is all that the server has of it. Pure.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export const SIGNATURE_SCHEME = "MonitorSignature ";

export interface Signed {
  /** Of the token. */
  name: string;
  time_ms: number;
  /** 16 random bytes, base64url: never the same. */
  nonce: string;
  /** SHA-256 of the body as it travels, in hexadecimal digits. */
  body_hash: string;
}

/** As it came, and not looked at yet. */
export interface SignedHeader extends Signed {
  signature: string;
}

const FORM =
  /^MonitorSignature name=(mon_[2-9a-km-z]{8}), time=(\d{1,15}), nonce=([\w-]{22}), body=([0-9a-f]{64}), signature=([\w-]{43})$/;

/** What is signed. No field can hold the line break that parts it from the next. */
function canonical({ name, time_ms, nonce, body_hash }: Signed): string {
  return ["monitor-signature-1", "POST", "/metrics", name, time_ms, nonce, body_hash].join("\n");
}

export function bodyHash(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

function signatureOf(signed: Signed, key: Uint8Array): string {
  return createHmac("sha256", key).update(canonical(signed)).digest("base64url");
}

/** The header. */
export function signedHeader(signed: Signed, key: Uint8Array): string {
  const { name, time_ms, nonce, body_hash } = signed;
  const signature = signatureOf(signed, key);
  return `${SIGNATURE_SCHEME}name=${name}, time=${time_ms}, nonce=${nonce}, body=${body_hash}, ` +
    `signature=${signature}`;
}

/** Undefined when it is no such header. */
export function readSignature(header: string): SignedHeader | undefined {
  const [, name, time = "", nonce, body_hash, signature] = FORM.exec(header) ?? [];
  if (
    name === undefined || nonce === undefined || body_hash === undefined || signature === undefined
  ) return undefined;
  return { name, time_ms: Number(time), nonce, body_hash, signature };
}

/** Compares in a time that does not tell where they differ. */
export function isSignedBy({ signature, ...signed }: SignedHeader, key: Uint8Array): boolean {
  const own = new TextEncoder().encode(
    signatureOf(signed, key),
  );
  const shown = new TextEncoder().encode(signature);
  return own.length === shown.length && timingSafeEqual(own, shown);
}
