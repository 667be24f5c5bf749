/** `Authorization: MonitorSignature …`: an agent has signed its reports, and does not send its token. */
import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import { bodyHash, readSignature, SIGNATURE_SCHEME, type SignedHeader } from "../../signature.ts";
import { Nonces, SIGNATURE_MS } from "../access/nonces.ts";
import type { Principal } from "../access/principal.ts";
import type { TokenBook } from "../access/token_book.ts";
import { CrowdedError } from "../query/turnstile.ts";
import { type CredentialReader, ForbiddenError, type Prover, UnauthorizedError } from "./guard.ts";
import { TooFastError } from "./rate.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** SHA-256 that the body must have, since a signature says so. */
    body_hash: string;
  }
}

const NO_SIGNATURE = "Cannot read the signature: it must be MonitorSignature name=…, time=…, " +
  "nonce=…, body=…, signature=…";
const WRONG_SIGNATURE =
  "Cannot take this signature: it is not one by an agent's token that is valid";
const RETRY_S = 60;

export interface SignatureReaderOptions {
  tokens: TokenBook;
  clock: Clock;
  /** The setting access.signatures. */
  is_on: boolean;
  prove: Prover;
}

/** Reads signatures of `POST /metrics`. What the body is to be is left to the route: requireSigned. */
export function signatureReader(options: SignatureReaderOptions): CredentialReader {
  const { tokens, clock, is_on, prove } = options;
  const nonces = new Nonces();

  function accept(principal: Principal, signed: SignedHeader, c: Context): Principal {
    const token_id = principal.token_id ?? 0;
    const verdict = nonces.take({ ...signed, token_id }, clock.now());
    if (verdict === "used") {
      throw new UnauthorizedError("Cannot take this signature: it was used before");
    }
    if (verdict === "token full") {
      throw new TooFastError("Cannot take more signatures of this token just now", RETRY_S);
    }
    if (verdict === "all full") {
      throw new CrowdedError("Cannot take more signatures just now", RETRY_S);
    }
    c.set("body_hash", signed.body_hash);
    return principal;
  }

  return (c) => {
    const header = c.req.raw.headers.get("authorization");
    if (header === null || !header.startsWith(SIGNATURE_SCHEME)) return undefined;
    if (c.req.method !== "POST" || c.req.path !== "/metrics") {
      throw new UnauthorizedError("Cannot take a signature here: only POST /metrics is signed");
    }
    if (!is_on) {
      throw new ForbiddenError(
        "Cannot take signatures: set access.signatures to true on the server, or leave out sign",
      );
    }
    const signed = readSignature(header);
    if (signed === undefined) throw new UnauthorizedError(NO_SIGNATURE);
    const off_ms = signed.time_ms - clock.now();
    if (Math.abs(off_ms) > SIGNATURE_MS) {
      throw new UnauthorizedError(
        `Cannot take this signature: its time is ${
          Math.round(off_ms / 1000)
        } s from the server's, ` +
          `at most ${SIGNATURE_MS / 1000} s are allowed; set the clock`,
      );
    }
    const known = tokens.knownSigner(signed);
    if (known !== undefined) return accept(known, signed, c);
    return prove(c, () => tokens.findSigner(signed), WRONG_SIGNATURE)
      .then((principal) => accept(principal, signed, c));
  };
}

/** @throws UnauthorizedError when the body, as it travelled, is not the one that was signed */
export function requireSigned(c: Context, body: Uint8Array): void {
  const wanted = c.get("body_hash");
  if (wanted === undefined || bodyHash(body) === wanted) return;
  throw new UnauthorizedError("Cannot take this body: it is not the one that was signed");
}
