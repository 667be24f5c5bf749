/**
 * A group: the incidents that one channel is told of together by one route, and what it was told. Its
 * life, as a pure function of what there is and the time:
 *
 *   an incident joins ──▶ its turn comes ──▶ look: who is held back? what does the receiver know?
 *                                              │
 *              nothing to say ◀────────────────┼──────▶ a message, on its way until it has arrived
 *              looked at again when that        │                     │
 *              could change                     ▼                     ▼
 *                                   nothing left: the group ends    what the receiver knows now
 *
 * The first turn comes `group_wait` after the first incident has begun; later ones `group_interval`
 * after the last message. While a message is on its way nothing else is decided, so that the receiver
 * hears everything in order, and what it knows is never a guess.
 *
 * What is over before its turn is not told. What was there when its turn came is told, also when
 * nobody could look then (the server was down, the message before it was stuck): it is told as firing,
 * late, and resolved by the next message.
 */
import { z } from "zod";
import { SEVERITIES, type Severity } from "./channel.ts";
import { decide, type Decision, type Known, type Told } from "./dedup.ts";
import type { Held } from "./silence.ts";

/** A silence can be ended and a parent come back at any time: those held back are looked at again. */
export const RECHECK_MS = 30_000;
/** When what could not be told at all is tried again, where nothing is repeated. */
const FAILED_RETRY_MS = 3_600_000;

/** How far back somebody who comes late still tells. */
const LATE_MS_MAX = 24 * 3_600_000;

const toldSchema = z.record(
  z.string(),
  z.object({ severity: z.enum(SEVERITIES), flapping: z.boolean() }),
);

export const groupStateSchema = z.object({
  route: z.string(),
  channel: z.string(),
  /** Told only of what nobody has acknowledged for this long. */
  after_ms: z.number(),
  born_ms: z.number(),
  /** Messages made so far. */
  sequence: z.number(),
  told: toldSchema,
  last_sent_ms: z.number().nullable(),
  /** The key of the message on its way, and what the receiver will know when it has arrived. */
  outstanding: z.object({
    key: z.string(),
    told: toldSchema,
  }).nullable(),
  /** The last message could not be delivered at all. */
  failed: z.boolean(),
  /** Why members are held back, by incident: what was written down last. */
  held: z.record(z.string(), z.string()),
});

export type GroupState = z.infer<typeof groupStateSchema>;

export function newGroup(
  place: Pick<GroupState, "route" | "channel" | "after_ms">,
  born_ms: number,
): GroupState {
  return {
    ...place,
    born_ms,
    sequence: 0,
    told: {},
    last_sent_ms: null,
    outstanding: null,
    failed: false,
    held: {},
  };
}

/**
 * The state by a clock that may have been set back: nobody was told later than now. Else the next message
 * would wait until the clock is where it was, and an interval more.
 */
export function asOf(state: GroupState, now_ms: number): GroupState {
  const { last_sent_ms } = state;
  return last_sent_ms === null || last_sent_ms <= now_ms
    ? state
    : { ...state, last_sent_ms: now_ms };
}

/** Incident and membership, as far as it is about telling. */
export interface Member {
  id: number;
  severity: Severity;
  flapping: boolean;
  turn_ms: number;
  looked: boolean;
  opened_ms: number;
  resolved_ms: number | null;
  acknowledged_ms: number | null;
  acknowledged_until_ms: number | null;
  held: Held | undefined;
}

export interface LookOptions {
  now_ms: number;
  repeat_interval_ms: number;
  send_resolved: boolean;
}

export interface Look<M extends Member> {
  decision: Decision;
  /** What a message would tell as firing: the gravest and oldest first. */
  firing: M[];
  /** … and as over. */
  resolved: M[];
  /** What the receiver knows when the message has arrived; or from now on, without a message. */
  told: Record<string, Known>;
  looked: number[];
  /** Members that there is nothing to tell of any more. */
  leaving: number[];
  /** Without a message: when to look again; null: when something happens. */
  due_ms: number | null;
  /** Nothing is left. */
  finished: boolean;
}

/** When a group speaks next, of an incident that has begun at `opened_ms`. */
export function turnOf(
  state: Pick<GroupState, "last_sent_ms" | "after_ms">,
  incident: { opened_ms: number },
  times: { group_wait_ms: number; group_interval_ms: number },
): number {
  const { last_sent_ms, after_ms } = state;
  const ready_ms = incident.opened_ms + after_ms;
  if (last_sent_ms === null) return ready_ms + (after_ms > 0 ? 0 : times.group_wait_ms);
  return Math.max(ready_ms, last_sent_ms + times.group_interval_ms);
}

function isAcknowledged(member: Member, now_ms: number): boolean {
  const { acknowledged_ms, acknowledged_until_ms } = member;
  return acknowledged_ms !== null && now_ms < (acknowledged_until_ms ?? Infinity);
}

/** It began now at the latest, also when the clock was set back since. */
function readyMs({ opened_ms }: Member, { after_ms }: GroupState, now_ms: number): number {
  return Math.min(opened_ms, now_ms) + after_ms;
}

/** Open, not held back, not acknowledged, and waited for long enough. */
function isToTell(member: Member, state: GroupState, now_ms: number): boolean {
  return member.held === undefined && !isAcknowledged(member, now_ms) &&
    readyMs(member, state, now_ms) <= now_ms;
}

/** Outside the hours of its route nothing is said, ends neither; every other reason is about beginnings. */
function isOutside({ held }: Member): boolean {
  return held?.kind === "hours";
}

/** Its turn came while it was there, and nobody looked. */
function isLate({ looked, resolved_ms, turn_ms }: Member, now_ms: number): boolean {
  return !looked && resolved_ms !== null && resolved_ms > turn_ms &&
    now_ms - resolved_ms < LATE_MS_MAX;
}

function bySeverityThenAge(one: Member, other: Member): number {
  if (one.severity !== other.severity) return one.severity === "critical" ? -1 : 1;
  return one.opened_ms - other.opened_ms || one.id - other.id;
}

/** When what is silent now could have to be told; null: when something happens. */
function dueOf(members: readonly Member[], state: GroupState, options: LookOptions): number | null {
  const { now_ms, repeat_interval_ms } = options;
  const waiting = members.filter((member) => member.resolved_ms === null || isOutside(member));
  const times = waiting.map((member) => {
    if (member.held !== undefined) return Math.min(member.held.until_ms, now_ms + RECHECK_MS);
    if (isAcknowledged(member, now_ms)) return member.acknowledged_until_ms ?? Infinity;
    const ready_ms = readyMs(member, state, now_ms);
    if (ready_ms > now_ms) return ready_ms;
    return (state.last_sent_ms ?? now_ms) + repeat_interval_ms;
  });
  const due_ms = Math.min(...times);
  return Number.isFinite(due_ms) ? due_ms : null;
}

/** Looks at a group of which no message is on its way. */
export function look<M extends Member>(
  state: GroupState,
  members: readonly M[],
  options: LookOptions,
): Look<M> {
  const { now_ms } = options;
  // what left the group some other way is not known to be anything
  const ids = new Set(members.map(({ id }) => String(id)));
  const told: Told = Object.fromEntries(Object.entries(state.told).filter(([id]) => ids.has(id)));
  const open = members.filter(({ resolved_ms }) => resolved_ms === null);
  const over = members.filter(({ resolved_ms }) => resolved_ms !== null);
  const news = [
    ...open.filter((member) => isToTell(member, state, now_ms)),
    ...over.filter((member) =>
      told[member.id] === undefined && isLate(member, now_ms) && isToTell(member, state, now_ms)
    ),
  ];
  const resolved = over.filter((member) => told[member.id] !== undefined && !isOutside(member));
  const decision = decide(
    {
      told,
      last_sent_ms: state.last_sent_ms,
      firing: news,
      resolved: resolved.map(({ id }) => id),
    },
    { ...options, escalation: state.after_ms > 0 },
  );
  // what the receiver knows to fire goes on doing so for it, acknowledged or held back as it may be
  const known = open.filter((member) => told[member.id] !== undefined && !news.includes(member));
  const firing = [...news, ...known].sort(bySeverityThenAge);
  const speaks = decision !== "none" && decision !== "forget";
  const told_after: Record<string, Known> = speaks
    ? Object.fromEntries(firing.map(({ id, severity, flapping }) => [id, { severity, flapping }]))
    : Object.fromEntries(
      Object.entries(told).filter(([id]) =>
        decision !== "forget" || !resolved.some((one) => String(one.id) === id)
      ),
    );
  const leaving = over.filter(({ id }) =>
    told_after[id] === undefined && (!speaks || told[id] === undefined)
  ).map(({ id }) => id);
  return {
    decision,
    firing,
    resolved: options.send_resolved ? resolved : [],
    told: told_after,
    looked: members.filter(({ looked }) => !looked).map(({ id }) => id),
    leaving,
    due_ms: speaks ? null : dueOf(members, state, options),
    finished: !speaks && leaving.length === members.length,
  };
}

/** The state while a message with this key is on its way. */
export function afterDecision(
  state: GroupState,
  look: { told: Record<string, Known> },
  key: string,
): GroupState {
  const outstanding = { key, told: look.told };
  return { ...state, sequence: state.sequence + 1, outstanding };
}

/** It has arrived: the receiver knows it, and the next turn comes after the interval. */
export function afterDelivery(
  state: GroupState,
  { now_ms, group_interval_ms }: { now_ms: number; group_interval_ms: number },
): { state: GroupState; due_ms: number } {
  const told = state.outstanding?.told ?? state.told;
  return {
    state: { ...state, told, last_sent_ms: now_ms, outstanding: null, failed: false },
    due_ms: now_ms + group_interval_ms,
  };
}

/**
 * It will never arrive. The receiver knows what it knew, and the rest is tried again when it would be
 * repeated (the settings may be right by then); but for a message of ends alone, which is let go.
 */
export function afterFailure(
  state: GroupState,
  { now_ms, repeat_interval_ms }: { now_ms: number; repeat_interval_ms: number },
): { state: GroupState; due_ms: number } {
  const isOfEnds = Object.keys(state.outstanding?.told ?? {}).length === 0;
  const told = isOfEnds ? {} : state.told;
  const wait_ms = Number.isFinite(repeat_interval_ms) ? repeat_interval_ms : FAILED_RETRY_MS;
  return {
    state: { ...state, told, outstanding: null, failed: true },
    due_ms: now_ms + wait_ms,
  };
}
