/** Who asks, and what that allows. Pure. */
import type { Role } from "../../db/tokens.ts";

export interface Principal {
  /** Of the token; undefined for what is no token's. */
  token_id?: number;
  token_name?: string;
  /** For the audit log and for people. */
  label: string;
  role: Role;
  /** The only host it may report for; undefined for any. */
  hostname?: string;
}

/** What a route asks for: see server/http/routes.ts. */
export type Needed = "public" | "agent" | "viewer" | "operator" | "admin";

/** Each role after `agent` may do what those before it may. */
const ORDER: readonly Needed[] = ["viewer", "operator", "admin"];

/** May this role ask a route that needs `needed`? Agents write only; operators may write as agents do. */
export function allows(role: Role, needed: Needed): boolean {
  if (needed === "public") return true;
  if (needed === "agent") return role !== "viewer";
  return ORDER.indexOf(role) >= ORDER.indexOf(needed);
}

/** Everybody, where the server is open: it can only be reached from its own machine. */
export const EVERYBODY: Principal = { label: "open", role: "admin" };
