/**
 * The text of a token: `mon_` and 8 letters or digits, its name, by which people recognise it; then
 * `_` and 43 characters of base64url, which are 256 random bits. The server keeps SHA-256 of the
 * whole text: nobody can try enough of 2^256, so a slow hash would only make requests slow. A join
 * code, by which an agent gets a token of its own, looks the same and begins with `join_`.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const NAME_CHARS = 8;
const SECRET_BYTES = 32;
/** Without those that look alike. */
const ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz";
const FORM = /^(mon_[2-9a-km-z]{8})_[\w-]{43}$/;
const JOIN_CODE_FORM = /^(join_[2-9a-km-z]{8})_[\w-]{43}$/;

export interface MadeToken {
  name: string;
  /** To be shown once, to whoever asked for it. */
  text: string;
  hash: Uint8Array;
}

/** A new token. */
export function makeToken(): MadeToken {
  return make("mon");
}

/** A new join code. */
export function makeJoinCode(): MadeToken {
  return make("join");
}

function make(kind: string): MadeToken {
  // 32 letters: a byte's lowest five bits choose one, all alike
  const letters = [...randomBytes(NAME_CHARS)].map((byte) => ALPHABET[byte & 31]).join("");
  const name = `${kind}_${letters}`;
  const text = `${name}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { name, text, hash: hashOf(text) };
}

/** The name in a token's text, or undefined when it is no token. */
export function nameOf(text: string): string | undefined {
  return FORM.exec(text)?.[1];
}

/** The name in a join code, or undefined when it is none. */
export function joinCodeNameOf(text: string): string | undefined {
  return JOIN_CODE_FORM.exec(text)?.[1];
}

export function hashOf(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

/** Compares in a time that does not tell where they differ. */
export function isHashOf(text: string, hash: Uint8Array): boolean {
  const own = hashOf(text);
  return own.length === hash.length && timingSafeEqual(own, hash);
}
