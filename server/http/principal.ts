/** Who asks, as the guard has found out, and from where. */
import type { Context } from "hono";
import { EVERYBODY, type Principal } from "../access/principal.ts";

declare module "hono" {
  interface ContextVariableMap {
    principal: Principal;
    /** What was sent, for the audit log. */
    said: unknown;
  }
}

/** Everybody, where no guard has asked. */
export function principalOf(c: Context): Principal {
  return c.get("principal") ?? EVERYBODY;
}

/** The address a request came from, or "" where it came from no socket. */
export function clientAddress(c: Context): string {
  const info: unknown = c.env;
  if (typeof info !== "object" || info === null || !("remoteAddr" in info)) return "";
  const { remoteAddr } = info;
  if (typeof remoteAddr !== "object" || remoteAddr === null) return "";
  return "hostname" in remoteAddr ? String(remoteAddr.hostname) : "";
}

/** Whether a browser asks by https: at this port, or at a trusted proxy in front of it. */
export function isAskedByHttps(c: Context): boolean {
  if (new URL(c.req.url).protocol === "https:") return true;
  const info: unknown = c.env;
  return typeof info === "object" && info !== null && "asked_by_https" in info &&
    info.asked_by_https === true;
}
