/**
 * Can this server do its work? `GET /ready` asks; whoever sends it traffic, or restarts it, decides by
 * the answer. It is public, so it says what is wrong in words that give nothing away.
 *
 * Many may ask at once and often: one look at the database serves all who ask within a second.
 */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import { MigrationError, migrationStatus } from "../../db/migrate.ts";
import { type Migration, readMigrations } from "../../db/migration_files.ts";
import { hasHotPartition } from "../../db/partitions.ts";
import type { Check, ReadyAnswer } from "../wire/ready.ts";

/** What the database said, or why it said nothing. */
type DatabaseChecks = Record<"database" | "migrations" | "partitions", Check>;

/** A database that needs longer for three short statements is not there for a report either. */
const ANSWER_MS_MAX = 2_000;
/** An answer is as good as new for so long. */
const FRESH_MS = 1_000;

const OK: Check = { ok: true };
const NOT_KNOWN: Check = { ok: false, why: "not known while the database does not answer" };

export interface ReadinessOptions {
  sql: Sql;
  clock: Clock;
  /** Are reports refused because the disk is nearly full? */
  isDiskFull: () => boolean;
}

export class Readiness {
  readonly #options: ReadinessOptions;
  #migrations: Migration[] | undefined;
  #look: { at_ms: number; checks: Promise<DatabaseChecks> } | undefined;
  #stopping = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** From now on the answer is no: the server is about to stop, and still answers. */
  stop(): void {
    this.#stopping = true;
  }

  async answer(): Promise<ReadyAnswer> {
    const checks = {
      ...await this.#database(),
      disk: this.#options.isDiskFull()
        ? { ok: false, why: "the disk is nearly full: new reports are refused" }
        : OK,
      running: this.#stopping ? { ok: false, why: "the server is stopping" } : OK,
    };
    return { ready: Object.values(checks).every(({ ok }) => ok), checks };
  }

  #database(): Promise<DatabaseChecks> {
    const now_ms = this.#options.clock.monotonic();
    if (this.#look === undefined || now_ms - this.#look.at_ms >= FRESH_MS) {
      this.#look = { at_ms: now_ms, checks: this.#lookOnce() };
    }
    return this.#look.checks;
  }

  async #lookOnce(): Promise<DatabaseChecks> {
    const { clock } = this.#options;
    const answered = new AbortController();
    const work = this.#ask().catch((): DatabaseChecks => unreachable("cannot be reached"));
    const late = clock.sleep(ANSWER_MS_MAX, answered.signal).then(() =>
      unreachable(`has not answered for ${ANSWER_MS_MAX / 1000} s`)
    );
    const checks = await Promise.race([work, late]);
    answered.abort();
    return checks;
  }

  async #ask(): Promise<DatabaseChecks> {
    const { sql, clock } = this.#options;
    this.#migrations ??= await readMigrations();
    const [migrations, there] = await Promise.all([
      migrationsCheck(sql, this.#migrations),
      hasHotPartition(sql, clock.now()),
    ]);
    const partitions = there ? OK : { ok: false, why: "there is no partition for reports of now" };
    return { database: OK, migrations, partitions };
  }
}

function unreachable(what: string): DatabaseChecks {
  return {
    database: { ok: false, why: `PostgreSQL ${what}` },
    migrations: NOT_KNOWN,
    partitions: NOT_KNOWN,
  };
}

async function migrationsCheck(sql: Sql, migrations: Migration[]): Promise<Check> {
  try {
    const { pending } = await migrationStatus(sql, { migrations });
    if (pending.length === 0) return OK;
    return { ok: false, why: `${pending.length} migrations are not applied` };
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return { ok: false, why: error.message };
  }
}
