/**
 * Two servers tell at once and are killed again and again: half of the times right after a step (taken,
 * decided, claimed, answered, recorded), half at any moment. Meanwhile incidents begin and end. At the
 * end a server is left alone until nothing is to be told any more, and what the receiver got is
 * compared with what there was.
 *
 * A receiver can get a message twice, when its answer was never written down; both have one key. That
 * is counted apart, and can be at most what was on its way when a server died.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import type { Sql } from "../../../db/connect.ts";
import { fire, resolve } from "../../support/outbox.ts";
import { testDatabase } from "../../support/test_database.ts";
import { webhookCollector } from "../../support/webhook_collector.ts";

const SERVERS = 2;
/** Most kills come before a server has done this many steps. */
const STEPS_MAX = 12;
/** A server needs some 400 ms to begin. */
const MOMENT_MS_MAX = 1_500;
/** Messages one server has on their way to one channel. */
const IN_FLIGHT_MAX = 4;
const INCIDENT_EVERY_MS = 40;
const INCIDENT_MS_MAX = 1_200;
const DRAIN_MS_MAX = 60_000;

export interface CrashOptions {
  kills: number;
  seed: number;
  /** Told how many servers have died. */
  onKill?: (killed: number) => void;
}

export interface CrashFigures {
  kills: number;
  incidents: number;
  resolved: number;
  /** Requests that came. */
  received: number;
  /** Of them, such whose key had come before. */
  repeated: number;
}

/** Repeatable: a failure prints the seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
}

const SERVER = new URL("crash_server.ts", import.meta.url).pathname;

function startServer(database_url: string, url: string, step: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SERVER, database_url, url, `${step}`],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has done so itself
  }
}

/** One place where a server runs, dies, and runs again, as long as there are kills left. */
async function serveAndDie(
  options: { database_url: string; url: string; chance: () => number; next: () => boolean },
): Promise<void> {
  const { database_url, url, chance, next } = options;
  while (next()) {
    const at_step = chance() < 0.5 ? 1 + Math.floor(chance() * STEPS_MAX) : 0;
    const child = startServer(database_url, url, at_step);
    // one that waits for a step it does not reach dies, too
    const moment = new AbortController();
    const late = systemClock.sleep(
      at_step > 0 ? 3 * MOMENT_MS_MAX : 200 + chance() * MOMENT_MS_MAX,
      moment.signal,
    ).then(() => kill(child));
    await child.status;
    moment.abort();
    await late;
  }
}

/** Fewer show nothing. */
const INCIDENTS_MIN = 11;

/** Incidents, each of a host of its own, until there is nobody left to kill. */
async function makeIncidents(
  sql: Sql,
  options: { chance: () => number; isOver: () => boolean },
): Promise<{ made: Set<string>; resolved: Set<string> }> {
  const { chance, isOver } = options;
  const [made, resolved] = [new Set<string>(), new Set<string>()];
  const ends: { key: string; host_id: number; end_ms: number }[] = [];
  for (let host_id = 1; !isOver() || made.size < INCIDENTS_MIN; host_id++) {
    const hostname = `h${host_id}`;
    await fire(sql, hostname, { at_ms: systemClock.now(), host_id, hostname });
    made.add(hostname);
    // every fifth goes on
    if (host_id % 5 > 0) {
      const end_ms = systemClock.now() + chance() * INCIDENT_MS_MAX;
      ends.push({ key: hostname, host_id, end_ms });
    }
    for (const end of ends.splice(0)) {
      if (end.end_ms > systemClock.now()) {
        ends.push(end);
        continue;
      }
      await resolve(sql, end.key, systemClock.now(), end.host_id);
      resolved.add(end.key);
    }
    await systemClock.sleep(INCIDENT_EVERY_MS);
  }
  for (const end of ends) {
    await resolve(sql, end.key, systemClock.now(), end.host_id);
    resolved.add(end.key);
  }
  return { made, resolved };
}

/** Until the outbox is empty, nothing is on its way, and only groups of what goes on are left. */
async function drained(sql: Sql, going_on: number): Promise<void> {
  const begun_ms = systemClock.now();
  for (;;) {
    const [row] = await sql<{ waiting: number; messages: number; groups: number }[]>`
      select
        (select count(*)::int from transition where handled_at is null) as waiting,
        (select count(*)::int from notification where state = 'waiting') as messages,
        (select count(*)::int from notification_group) as groups`;
    if (row?.waiting === 0 && row.messages === 0 && row.groups === going_on) return;
    assert.ok(systemClock.now() - begun_ms < DRAIN_MS_MAX, `not told: ${JSON.stringify(row)}`);
    await systemClock.sleep(100);
  }
}

interface Told {
  key: string;
  status: string;
  hostname: string;
}

/** Throws when a host was not told of, told of twice, or told to be well without having been ill. */
function check(told: readonly Told[], there: { made: Set<string>; resolved: Set<string> }): void {
  const seen = new Set<string>();
  const distinct = told.filter(({ key }) => !seen.has(key) && seen.add(key) !== undefined);
  const by_host = Map.groupBy(distinct, ({ hostname }) => hostname);
  for (const hostname of there.made) {
    const statuses = (by_host.get(hostname) ?? []).map(({ status }) => status);
    const expected = there.resolved.has(hostname) ? ["firing", "resolved"] : ["firing"];
    assert.deepEqual(statuses, expected, hostname);
  }
  assert.equal(by_host.size, there.made.size);
}

/** Runs the matrix, checks it, and returns its figures. */
export async function runCrashMatrix(options: CrashOptions): Promise<CrashFigures> {
  await using database = await testDatabase();
  await using collector = webhookCollector();
  const { sql, url: database_url } = database;
  const chance = random(options.seed);
  let killed = 0;
  let running = SERVERS;
  const next = () => {
    if (killed >= options.kills) return false;
    killed++;
    options.onKill?.(killed);
    return true;
  };
  // the answer takes a moment, in which the sender can die
  collector.answer = async () => {
    await systemClock.sleep(chance() * 30);
    return new Response("ok");
  };
  const places = Array.from({ length: SERVERS }, async () => {
    await serveAndDie({ database_url, url: collector.url, chance, next });
    running--;
  });
  const there = await makeIncidents(sql, { chance, isOver: () => running === 0 });
  await Promise.all(places);
  const last = startServer(database_url, collector.url, 0);
  try {
    await drained(sql, there.made.size - there.resolved.size);
  } finally {
    kill(last);
    await last.status;
  }
  const told = collector.received.map(({ text }): Told => {
    const { key, status, incidents } = JSON.parse(text);
    return { key, status, hostname: incidents[0].hostname };
  });
  check(told, there);
  const repeated = told.length - new Set(told.map(({ key }) => key)).size;
  assert.ok(repeated <= options.kills * IN_FLIGHT_MAX, `${repeated} messages came again`);
  return {
    kills: killed,
    incidents: there.made.size,
    resolved: there.resolved.size,
    received: told.length,
    repeated,
  };
}
