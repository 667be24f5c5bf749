/** A script in the sandbox: with whom it shares a Worker and a process, and what an answer means for it. */
import { processGroup } from "./isolation/walls.ts";
import { normalPermissions, type PermissionSet } from "./permissions.ts";
import type { SandboxScript } from "./sandbox.ts";
import type { Answer, CellAnswer } from "./sandbox_cell.ts";
import { isAlone, type Place } from "./sandbox_place.ts";

export interface Inmate {
  script: SandboxScript;
  permissions: PermissionSet;
  place: Place;
  /** Only looked at, in a process for nothing else. */
  apart?: boolean;
  /** Why it is never run again. */
  banned?: string;
}

/** Scripts with equal keys share a process. */
export function processKey({ script, permissions, place, apart }: Inmate): string {
  if (script.origin === "shipped") return "agent";
  if (apart) return "apart";
  const alone = isAlone(place) ? `alone ${script.name}` : place.half;
  return `${processGroup(permissions)} ${alone}`;
}

/** Scripts with equal keys share a Worker. It begins with the process's. */
export function cellKey(inmate: Inmate): string {
  const { script, permissions, place, apart } = inmate;
  const alone = place.apart === "shared" || apart ? "" : script.name;
  return [processKey(inmate), JSON.stringify(normalPermissions(permissions)), alone].join("\n");
}

/**
 * Whether an answer says no more than whose turn it was when something went wrong among others. It need
 * not be whose fault it is. What is shipped is where it is, since it is in no process of its own.
 */
export function isAccusation({ script, place, apart }: Inmate, answer: CellAnswer): boolean {
  if (apart || isAlone(place) || script.origin === "shipped") return false;
  return ["stuck", "hog", "killed"].includes(answer.kind);
}

/** What is only between a cell and the sandbox is a failure for everybody else. */
export function plainAnswer(answer: CellAnswer): Answer {
  if (answer.kind === "done") return answer;
  const { kind, message } = answer;
  return { kind: kind === "hog" || kind === "killed" ? "failed" : kind, message };
}
