/**
 * Every route of the server, with who may ask it. There is no other way to make one: what is registered
 * here is guarded, and is in the table of docs/security.md and in the description of the API.
 *
 * Roles are in an order, each may do what those before it may:
 *
 *   public     anybody
 *   viewer     who may look
 *   operator   … and may say things about hosts and incidents
 *   admin      … and may change what is watched, told and kept
 *
 * `agent` stands beside them: reports come in, nothing goes out. Whoever is an operator may send
 * reports, too.
 */
import type { Context, Handler, Hono } from "hono";
import type { z } from "zod";

/** Who may ask a route. */
export type Access = "public" | "agent" | "viewer" | "operator" | "admin";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What is known of a route besides its handler. */
export interface RouteAbout {
  access: Access;
  /** What it does, as a person would say it in half a line. */
  summary: string;
  /** It gives the page, or a part of it: nothing for programs. */
  is_page?: boolean;
  /** It changes something, though it is asked by GET. */
  is_change?: boolean;
  /** It needs no database. */
  is_local?: boolean;
  /** What its parameters are read with. */
  query?: z.ZodType;
  /** What its body is read with. */
  body?: z.ZodType;
  /** The form of its answer, where that is JSON. */
  answer?: z.ZodType;
  /** The media type of its answer. Default: JSON. */
  type?: string;
  /** Statuses that come with this answer. Default: 200. */
  statuses?: readonly number[];
  /** Statuses of errors besides those that follow from all this. */
  errors?: readonly number[];
  /** For the description: a request that makes sense. */
  example?: { path?: string; body?: unknown };
}

/** A route as the lists of routes have it. */
export interface RouteEntry extends RouteAbout {
  method: Method;
  /** As hono writes it: `/api/v1/rules/:id`. */
  path: string;
}

/**
 * Lets a request in, or throws what becomes its answer. It gives a promise only where it has to wait:
 * reports come in by the ten thousand a second.
 */
export type Guard = (c: Context, route: RouteEntry) => void | Promise<void>;

/** Told of each change that was made. */
export type Audit = (c: Context, route: RouteEntry, status: number) => Promise<void>;

/** A handler of a path whose parameters are named by the path. */
type PathHandler<P extends string> = Handler<Record<never, never>, P>;

export class Routes {
  readonly #app: Hono;
  readonly #guard: Guard | undefined;
  readonly #audit: Audit | undefined;
  readonly #entries: RouteEntry[] = [];

  /** Without a guard everybody may ask everything; without an audit nobody is told of changes. */
  constructor(app: Hono, { guard, audit }: { guard?: Guard; audit?: Audit } = {}) {
    this.#app = app;
    this.#guard = guard;
    this.#audit = audit;
  }

  /** All routes, in the order in which they are looked at. */
  get entries(): readonly RouteEntry[] {
    return this.#entries;
  }

  get<P extends string>(path: P, about: RouteAbout, handler: PathHandler<P>): void {
    this.#add("GET", path, about, handler);
  }

  post<P extends string>(path: P, about: RouteAbout, handler: PathHandler<P>): void {
    this.#add("POST", path, about, handler);
  }

  put<P extends string>(path: P, about: RouteAbout, handler: PathHandler<P>): void {
    this.#add("PUT", path, about, handler);
  }

  patch<P extends string>(path: P, about: RouteAbout, handler: PathHandler<P>): void {
    this.#add("PATCH", path, about, handler);
  }

  delete<P extends string>(path: P, about: RouteAbout, handler: PathHandler<P>): void {
    this.#add("DELETE", path, about, handler);
  }

  #add<P extends string>(
    method: Method,
    path: P,
    about: RouteAbout,
    handler: PathHandler<P>,
  ): void {
    const entry: RouteEntry = { method, path, ...about };
    this.#entries.push(entry);
    const guard = about.access === "public" ? undefined : this.#guard;
    const told = isChange(entry) ? this.#told(entry, handler) : handler;
    const guarded: PathHandler<P> = (c, next) => {
      const waiting = guard?.(c, entry);
      return waiting === undefined ? told(c, next) : waiting.then(() => told(c, next));
    };
    const handle = guard === undefined ? told : guarded;
    this.#app.on(method, path, method === "GET" ? withHead(handle) : handle);
  }

  /** The same handler, whose changes are written down before they are answered. */
  #told<P extends string>(entry: RouteEntry, handler: PathHandler<P>): PathHandler<P> {
    const audit = this.#audit;
    if (audit === undefined) return handler;
    return async (c, next) => {
      const answer: unknown = await handler(c, next);
      if (answer instanceof Response && answer.ok) await audit(c, entry, answer.status);
      return answer;
    };
  }
}

/**
 * The same handler, also for HEAD: hono answers that with the head of what GET gives, and forgets the
 * body. A stream that nobody reads would be open for ever, so it is given up here.
 */
function withHead<P extends string>(handler: PathHandler<P>): PathHandler<P> {
  const head: PathHandler<P> = async (c, next) => {
    const answer: unknown = await handler(c, next);
    if (answer instanceof Response) await answer.body?.cancel();
    return answer;
  };
  return (c, next) => c.req.method === "HEAD" ? head(c, next) : handler(c, next);
}

/** Reading with a body is for viewers, reports are data. */
function isChange({ method, access, is_change = false }: RouteEntry): boolean {
  return is_change || (method !== "GET" && (access === "operator" || access === "admin"));
}
