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

/** A handler of a path whose parameters are named by the path. */
type PathHandler<P extends string> = Handler<Record<never, never>, P>;

export class Routes {
  readonly #app: Hono;
  readonly #guard: Guard | undefined;
  readonly #entries: RouteEntry[] = [];

  /** @param guard Default: everybody may ask everything. */
  constructor(app: Hono, guard?: Guard) {
    this.#app = app;
    this.#guard = guard;
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
    const guard = this.#guard;
    if (guard === undefined || about.access === "public") {
      this.#app.on(method, path, handler);
      return;
    }
    const guarded: PathHandler<P> = (c, next) => {
      const waiting = guard(c, entry);
      return waiting === undefined ? handler(c, next) : waiting.then(() => handler(c, next));
    };
    this.#app.on(method, path, guarded);
  }
}
