/**
 * Lets requests in: finds out who asks, and whether that may ask for this. Who asks is told by the
 * first credential that is there, of a list of readers; a token in the header `Authorization` is the
 * first of them.
 */
import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import { FailureTable } from "../access/failures.ts";
import { allows, type Principal } from "../access/principal.ts";
import type { TokenBook } from "../access/token_book.ts";
import { SIGNATURE_SCHEME } from "../../signature.ts";
import { clientAddress } from "./principal.ts";
import { noteAsker } from "./request_log.ts";
import type { Guard, RouteEntry } from "./routes.ts";

/** Nobody has said who asks, or it is not true. */
export class UnauthorizedError extends Error {
  override name = "UnauthorizedError";
}

/** It is known who asks, and that may not. */
export class ForbiddenError extends Error {
  override name = "ForbiddenError";
}

/** Too many wrong tokens came from there. */
export class TooManyFailuresError extends Error {
  override name = "TooManyFailuresError";
  constructor(readonly retry_after_s: number) {
    super(
      `Cannot look at this token: too many wrong ones came from there; wait ${retry_after_s} s`,
    );
  }
}

/**
 * Reads one kind of credential: who asks, `undefined` when there is none of this kind. Throws
 * UnauthorizedError when there is one that is not right.
 */
export type CredentialReader = (
  c: Context,
) => Principal | undefined | Promise<Principal | undefined>;

const BEARER = /^Bearer +(\S+)$/i;
const NO_TOKEN =
  "Cannot let this in without a token: send the header Authorization: Bearer <token>";
const WRONG_TOKEN = "Cannot let this token in: it is unknown, has expired or was taken back";

export interface DoorOptions {
  tokens: TokenBook;
  clock: Clock;
  /** Others than tokens in the header, asked in turn. */
  readers?: (prove: Prover) => readonly CredentialReader[];
}

/** Finds what belongs to a secret that is shown, slowing down who guesses; `wrong` is what those hear. */
export type Prover = <T>(
  c: Context,
  find: () => Promise<T | undefined>,
  wrong?: string,
) => Promise<T>;

/** The door of a server that lets in only who shows something. */
export interface Door {
  guard: Guard;
  prove: Prover;
  /** Who asks, if it can be told; undefined for nobody. */
  identify(c: Context): Promise<Principal | undefined>;
}

export function createDoor(options: DoorOptions): Door {
  const prove = prover(options.clock);
  const readers = [bearerReader(options.tokens, prove), ...options.readers?.(prove) ?? []];
  return {
    prove,
    guard: (c, route) => {
      for (const [at, read] of readers.entries()) {
        const found = read(c);
        if (found instanceof Promise) {
          return later(c, route, { found, rest: readers.slice(at + 1) });
        }
        if (found !== undefined) return admit(c, route, found);
      }
      throw new UnauthorizedError(NO_TOKEN);
    },
    identify: async (c) => {
      let principal: Principal | undefined;
      try {
        for (const read of readers) principal ??= await read(c);
      } catch (error) {
        if (!(error instanceof UnauthorizedError)) throw error;
      }
      return principal;
    },
  };
}

/** Lookups for slowed addresses at the same time; more have to come again. */
const SLOWED_LOOKUPS_MAX = 4;

/**
 * Counts failures by address, and makes addresses with many of them wait. Who has to wait is still let
 * in with what is right, which this server may not have seen yet: an agent must not be locked out by
 * who guesses beside it.
 */
function prover(clock: Clock): Prover {
  const failures = new FailureTable();
  let slowed = 0;

  async function slowly<T>(find: () => Promise<T | undefined>, wait_ms: number): Promise<T> {
    const error = new TooManyFailuresError(Math.ceil(wait_ms / 1000));
    if (slowed >= SLOWED_LOOKUPS_MAX) throw error;
    slowed++;
    try {
      const found = await find();
      if (found === undefined) throw error;
      return found;
    } finally {
      slowed--;
    }
  }

  return async (c, find, wrong = WRONG_TOKEN) => {
    const address = clientAddress(c);
    // on a clock that nobody sets: one set back an hour would lock an address out for so long
    const wait_ms = failures.waitMs(address, clock.monotonic());
    if (wait_ms > 0) return await slowly(find, wait_ms);
    const found = await find();
    if (found !== undefined) return found;
    failures.failed(address, clock.monotonic());
    throw new UnauthorizedError(wrong);
  };
}

/** The rest of the readers, once one of them had to wait. */
async function later(
  c: Context,
  route: RouteEntry,
  { found, rest }: { found: Promise<Principal | undefined>; rest: readonly CredentialReader[] },
): Promise<void> {
  let principal = await found;
  for (const read of rest) principal ??= await read(c);
  if (principal === undefined) throw new UnauthorizedError(NO_TOKEN);
  admit(c, route, principal);
}

function admit(c: Context, { access }: RouteEntry, principal: Principal): void {
  if (!allows(principal.role, access)) {
    throw new ForbiddenError(
      `Cannot do this with role "${principal.role}": it needs role "${access}"`,
    );
  }
  c.set("principal", principal);
  noteAsker(c.req.raw, principal.label);
}

/** `Authorization: Bearer <token>`. */
function bearerReader(tokens: TokenBook, prove: Prover): CredentialReader {
  return (c) => {
    const header = c.req.raw.headers.get("authorization");
    if (header === null) return undefined;
    if (header.startsWith(SIGNATURE_SCHEME)) return undefined;
    const text = BEARER.exec(header)?.[1] ?? "";
    return tokens.known(text) ?? prove(c, () => tokens.find(text));
  };
}
