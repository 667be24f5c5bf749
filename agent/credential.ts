/** What the agent shows the server with its reports. */
import { randomBytes } from "node:crypto";
import { bodyHash, signedHeader } from "../signature.ts";
import { hashOf, nameOf } from "../token.ts";

export interface Credential {
  /** Resolves as soon as there is something to show; false when `signal` was aborted before. */
  ready(signal: AbortSignal): Promise<boolean>;
  /** The header Authorization of a request; undefined: nothing is shown. */
  authorization(request: RequestFacts): string | undefined;
}

/** What is known of a request before it is sent. */
export interface RequestFacts {
  /** As it travels. */
  body: string | Uint8Array;
  /** By the server's clock, as far as it is known. */
  now_ms: number;
}

/** Signs requests by this token, which is not sent. Undefined when it is no token of a server. */
export function signing(token: string): Credential | undefined {
  const name = nameOf(token);
  if (name === undefined) return undefined;
  const key = hashOf(token);
  return {
    ready: () => Promise.resolve(true),
    authorization: ({ body, now_ms }) => {
      const nonce = randomBytes(16).toString("base64url");
      const time_ms = Math.round(now_ms);
      return signedHeader({ name, time_ms, nonce, body_hash: bodyHash(body) }, key);
    },
  };
}

/** Shows this token, or nothing. */
export function bearer(token: string | undefined): Credential {
  return {
    ready: () => Promise.resolve(true),
    authorization: () => token === undefined ? undefined : `Bearer ${token}`,
  };
}
