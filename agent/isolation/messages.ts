/**
 * What the agent and a process of collectors say to each other, frame by frame. The process holds
 * one Worker for each of the agent's cells and passes on what they say; it decides nothing.
 *
 * What comes from there is data of unknown scripts: from_keeper.ts looks at it before anybody else.
 */
import type { NormalPermissions } from "../permissions.ts";
import type { Grants } from "./walls.ts";
import type { KeyedMessage } from "../sandbox_protocol.ts";

export type ToKeeper =
  /** A Worker with these permissions and no others, from now on known by this number. */
  | { type: "open"; cell: number; name: string; permissions: NormalPermissions }
  | { type: "tell"; cell: number; message: KeyedMessage }
  | { type: "close"; cell: number };

export type FromKeeper =
  /** First message: the walls that were built around the process. */
  | { type: "ready"; walls: Walls }
  | { type: "said"; cell: number; message: unknown }
  /** The Worker failed as a whole, or said what cannot be passed on. */
  | { type: "broken"; cell: number; message: string };

/** First frame to a process that is to confine itself: what it may do afterwards. */
export interface ConfineOrder {
  grants: Grants;
  /** Whether to hold files and TCP. */
  landlock: boolean;
  /** How much memory scripts may ask for (memory_lid.ts). */
  lid_bytes: number;
  /** The agent is root, whose powers are not for scripts. */
  is_root: boolean;
  /** Whom to become; undefined: nobody else can reach the program. */
  user?: { uid: number; gid: number };
}

/** What holds a process beside the permissions of its Workers. */
export interface Walls {
  /** Version of Landlock's interface; 0: files are not held by the kernel. */
  landlock: number;
  /** Whether the kernel holds TCP as well. */
  tcp: boolean;
  /** Whether sockets that it was not granted are refused when they are made. */
  calls: boolean;
  /** The user it runs as; undefined: the agent's. */
  uid?: number;
  /** Why there is less than there could be, in words for the operator. */
  missing?: string;
}

export const NO_WALLS: Walls = { landlock: 0, tcp: false, calls: false };
