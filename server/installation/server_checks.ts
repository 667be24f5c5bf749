/**
 * What a server needs, looked at without starting or changing anything. Works beside a running
 * server as well as before the first start, when most of it is not there yet.
 */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../clock.ts";
import type { DatabaseAddress } from "../../db/address.ts";
import { displayAddress } from "../../db/address.ts";
import { connect, type Sql } from "../../db/connect.ts";
import {
  checkDataDirectory,
  type EmbeddedState,
  inspectEmbedded,
} from "../../db/embedded/inspect.ts";
import { hasToken } from "../../db/tokens.ts";
import { migrationStatus } from "../../db/migrate.ts";
import { selectServerFacts, type ServerFacts } from "../../db/server_facts.ts";
import type { Config } from "../config.ts";
import { explainStart } from "../start_failure.ts";
import { type Check, failed, type Finding, findingOf, ok, skipped, warning } from "./check.ts";
import { askLocal } from "./local_server.ts";
import { checkCertificate } from "./tls_check.ts";

const GIB = 2 ** 30;
/** Below this PostgreSQL is about to stop: its log files alone have 16 MiB each. */
const DISK_BYTES_MIN = GIB / 4;
/** Some days of a small installation; `monitor storage` says how long it lasts. */
const DISK_BYTES_LOW = 2 * GIB;
/** A clock without NTP is this wrong after a day; more than this shows in charts. */
const CLOCK_MS_LOW = 2_000;
/** The oldest PostgreSQL the program works with: docs/install.md. */
const POSTGRES_MAJOR_MIN = 15;
const UP_TO_DATE = "up to date";
const ASK_MS_MAX = 5_000;
/** A monitor on this machine says what it is at once. */
const LOCAL_MS_MAX = 1_000;

export interface ServerCheckOptions {
  config: Config;
  clock: Clock;
}

/** All checks of the server's side, in the order in which one trouble explains the next. */
export async function checkServer(options: ServerCheckOptions): Promise<Check[]> {
  const { config } = options;
  const checks: Check[] = [];
  const add = (name: string, finding: Finding) => checks.push({ part: "server", name, ...finding });
  const embedded = config.database.kind === "embedded";
  if (embedded) {
    add("data directory", await checkDirectory(config.data_dir));
    add("disk", await checkDisk(config.data_dir));
  }
  const state = embedded ? await embeddedState(config.data_dir) : undefined;
  const address = config.database.kind === "external" ? config.database.address : state?.address;
  if (address === undefined) {
    add("database", withoutAddress(state));
    add("schema", skipped("the database is not running"));
  } else {
    for (const [name, finding] of await checkDatabase(address, options)) add(name, finding);
  }
  const certificate = checkCertificate(config, options.clock.now());
  if (certificate !== undefined) add("certificate", certificate);
  add("port", await checkPort(config));
  return checks;
}

async function nearestThere(path: string): Promise<string> {
  for (let at = path;; at = dirname(at)) {
    if (at === dirname(at)) return at;
    const there = await Deno.stat(at).then(() => true, () => false);
    if (there) return at;
  }
}

async function checkDirectory(data_dir: string): Promise<Finding> {
  const there = await nearestThere(data_dir);
  try {
    if (there !== data_dir) {
      if (!await mayWrite(there)) return notWritable(there);
      return ok(`${data_dir} will be made at the first start`);
    }
    const { mode, isDirectory } = await Deno.stat(data_dir);
    if (!isDirectory) return failed(`${data_dir} is no directory`, "name another one with --data");
    if (!await mayWrite(data_dir)) return notWritable(data_dir);
    await checkDataDirectory(data_dir);
    if (mode !== null && (mode & 0o006) !== 0) {
      return warning(`${data_dir} can be read by every user`, `chmod o-rwx ${data_dir}`);
    }
    return ok(data_dir);
  } catch (error) {
    const finding = findingOf(error);
    if (finding !== undefined) return finding;
    if (error instanceof Deno.errors.PermissionDenied) return notWritable(data_dir);
    throw error;
  }
}

function notWritable(path: string): Finding {
  return failed(
    `${path} cannot be written by this user`,
    "run monitor as the user who owns it, or name another directory with --data",
  );
}

/** Root may everything, and a read-only disk nobody: only an attempt tells. */
async function mayWrite(dir: string): Promise<boolean> {
  try {
    await Deno.remove(await Deno.makeTempFile({ dir, prefix: ".monitor-doctor-" }));
    return true;
  } catch {
    return false;
  }
}

async function checkDisk(data_dir: string): Promise<Finding> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(await nearestThere(data_dir));
  const free_bytes = bavail * bsize;
  const percent = blocks === 0 ? 100 : Math.floor(bavail / blocks * 100);
  const found = `${(free_bytes / GIB).toFixed(1)} GiB free, ${percent} %`;
  const hint =
    `make room on the disk of ${data_dir}, or keep less: retention in server_config.json`;
  if (free_bytes < DISK_BYTES_MIN) return failed(found, hint);
  if (files > 0 && ffree < files / 100) return failed(`${found}, but no inodes are left`, hint);
  return free_bytes < DISK_BYTES_LOW ? warning(found, hint) : ok(found);
}

async function embeddedState(data_dir: string): Promise<EmbeddedState | undefined> {
  try {
    return await inspectEmbedded(data_dir);
  } catch (error) {
    // told by the check of the directory
    const { PermissionDenied, NotADirectory } = Deno.errors;
    if (error instanceof PermissionDenied || error instanceof NotADirectory) return undefined;
    throw error;
  }
}

function withoutAddress(embedded: EmbeddedState | undefined): Finding {
  if (embedded === undefined) return skipped("its directory cannot be read");
  const words = {
    none: "the embedded one, made at the first start",
    stopped: "the embedded one is not running; monitor serve starts it",
    running: "the embedded one is running",
  };
  return ok(words[embedded.state]);
}

async function checkDatabase(
  address: DatabaseAddress,
  { config, clock }: ServerCheckOptions,
): Promise<[string, Finding][]> {
  const sql = connect(address, {
    connections_max: 1,
    application_name: "monitor doctor",
    statement_ms_max: ASK_MS_MAX,
  });
  try {
    const begun_ms = clock.now();
    const facts = await selectServerFacts(sql);
    // by the middle of the question: its way there and back count half
    const skew_ms = facts.now_ms - (begun_ms + clock.now()) / 2;
    const schema = await checkSchema(sql, facts);
    const findings: [string, Finding][] = [
      ["database", databaseFinding(facts, displayAddress(address))],
      ["database clock", clockFinding(skew_ms)],
      ["schema", schema],
    ];
    if (config.access.mode === "required") {
      findings.push(["access", await checkTokens(sql, { schema, now_ms: clock.now() })]);
    }
    return findings;
  } catch (error) {
    const told = explainStart(error, config);
    const finding = findingOf(told);
    if (finding === undefined) throw error;
    return [["database", finding], ["schema", skipped("the database cannot be asked")]];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function databaseFinding(facts: ServerFacts, shown: string): Finding {
  const { version, major, encoding, may_create, is_standby } = facts;
  if (major < POSTGRES_MAJOR_MIN) {
    return failed(
      `PostgreSQL ${version} at ${shown} is too old`,
      `use PostgreSQL ${POSTGRES_MAJOR_MIN} or newer`,
    );
  }
  if (is_standby) return failed(`${shown} is a standby`, "name the primary in the settings");
  if (encoding !== "UTF8") {
    return failed(
      `the database's encoding is ${encoding}`,
      "create it anew: createdb --encoding UTF8 --template template0 monitor",
    );
  }
  if (!may_create) {
    return failed(
      "this user may not make tables",
      "make the user the owner of the database: alter database … owner to …",
    );
  }
  return ok(`PostgreSQL ${version} at ${shown}`);
}

/** `skew_ms`: how far the other clock is ahead. */
export function clockFinding(skew_ms: number): Finding {
  const seconds = Math.round(Math.abs(skew_ms) / 100) / 10;
  if (Math.abs(skew_ms) < CLOCK_MS_LOW) return ok("as this machine's");
  return warning(
    `${seconds} s ${skew_ms > 0 ? "ahead of" : "behind"} this machine's`,
    "let both machines take their time from NTP: timedatectl set-ntp true",
  );
}

async function checkSchema(sql: Sql, facts: ServerFacts): Promise<Finding> {
  try {
    const { applied, pending } = await migrationStatus(sql);
    if (applied.length === 0 && facts.tables > 0) {
      return warning(
        `${facts.tables} tables of something else`,
        "give monitor a database of its own",
      );
    }
    if (pending.length === 0) return ok(`${UP_TO_DATE}, ${applied.length} migrations`);
    return applied.length === 0 ? ok("empty; the first start makes the tables") : ok(
      `${pending.length} of ${applied.length + pending.length} migrations to be applied ` +
        "at the next start",
    );
  } catch (error) {
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    return finding;
  }
}

/** Where tokens are asked for, somebody has to have one. */
async function checkTokens(
  sql: Sql,
  { schema, now_ms }: { schema: Finding; now_ms: number },
): Promise<Finding> {
  if (!schema.found.startsWith(UP_TO_DATE)) {
    return skipped("the tables are made at the first start");
  }
  if (await hasToken(sql, "admin", now_ms)) return ok("by tokens; an admin has one");
  return warning(
    "tokens are asked for, and no admin has one",
    "make one: monitor token create --role admin --label me",
  );
}

async function checkPort(config: Config): Promise<Finding> {
  const { host, port } = config.webapp;
  const shown = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  try {
    Deno.listen({ hostname: host, port }).close();
    return ok(`${shown} is free`);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      const name = await monitorAt(config);
      if (name !== undefined) return ok(`${shown}: ${name}`);
    }
    const finding = findingOf(explainStart(error, config));
    if (finding !== undefined) return finding;
    // a host name that is none of this machine's
    return failed(
      `Cannot listen on ${shown}: ${error instanceof Error ? error.message : error}`,
      "correct webapp.host",
    );
  }
}

/** What a monitor says of itself at this address: `monitor 0.1.0 is running`. */
async function monitorAt(config: Config): Promise<string | undefined> {
  try {
    const { text } = await askLocal(config, "/", LOCAL_MS_MAX);
    return /^monitor \S+ is running/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
