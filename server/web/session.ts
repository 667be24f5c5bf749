/** Who sits here, as the server knows it; and what that may. */
import { signal } from "@preact/signals";
import { ApiError, onUnauthorized, request } from "./api.ts";

export type Role = "agent" | "viewer" | "operator" | "admin";

export interface Session {
  mode: "open" | "required";
  who: string | null;
  role: Role | null;
}

/** Undefined until the server has said. */
export const session = signal<Session | undefined>(undefined);

const ORDER: readonly (Role | null)[] = ["viewer", "operator", "admin"];

/** May who sits here do what needs this role? While that is not known yet, nothing is hidden. */
export function may(needed: "viewer" | "operator" | "admin"): boolean {
  const known = session.value;
  return known === undefined || ORDER.indexOf(known.role) >= ORDER.indexOf(needed);
}

/** Nobody is logged in, where that is needed. */
export function isLockedOut(): boolean {
  const known = session.value;
  return known?.mode === "required" && known.role === null;
}

/** Goes up with each log-in and log-out: what was asked before is old by then. */
let turn = 0;

export async function readSession(): Promise<void> {
  const asked = turn;
  try {
    const answer = await request<Session>("/api/v1/session");
    if (asked === turn) session.value = answer;
  } catch (error) {
    // a server that is away, or one of an older version: the page itself will tell
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Logs in by a token, or by the secret of a link. Throws ApiError. */
export async function login(shown: { token: string } | { link: string }): Promise<void> {
  const answer = await request<Session>("/api/v1/session", { method: "POST", body: shown });
  turn++;
  session.value = answer;
}

export async function logout(): Promise<void> {
  await request("/api/v1/session", { method: "DELETE" });
  turn++;
  session.value = { mode: "required", who: null, role: null };
}

// a session that has ended is noticed by whatever is asked next
onUnauthorized(() => {
  if (session.peek()?.role !== null) void readSession();
});
