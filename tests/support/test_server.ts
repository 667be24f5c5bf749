/**
 * The PostgreSQL of a test run: the embedded one in a temporary directory, with a migrated template
 * database. tools/test.ts starts it once; a test file that is run alone starts this file as a
 * process, which lives until its standard input ends.
 */
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import { connect } from "../../db/connect.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { migrate } from "../../db/migrate.ts";
import { tempDir } from "./temp_dir.ts";

/** Tests clone this database. */
export const TEMPLATE_DATABASE = "monitor_template";
/** Names the variable with the server's address. */
export const TEST_DATABASE_VARIABLE = "MONITOR_TEST_DATABASE_URL";

export interface TestServer extends AsyncDisposable {
  /** Of a database in which databases can be created and dropped. */
  readonly url: string;
  /** Of the migrated template; whoever connects to it must leave before it can be cloned. */
  readonly template_url: string;
}

function templateUrl(server_url: string): string {
  const url = new URL(server_url);
  url.pathname = `/${TEMPLATE_DATABASE}`;
  return url.href;
}

/** Creates the template on the server at `url`; an older one is replaced. */
export async function createTemplate(url: string): Promise<void> {
  const log = createLogger({ level: "warn", format: "text", now: systemClock.now });
  const admin = connect(url, { connections_max: 1 });
  try {
    await admin.unsafe(`drop database if exists ${TEMPLATE_DATABASE} with (force)`);
    await admin.unsafe(`create database ${TEMPLATE_DATABASE}`);
  } finally {
    await admin.end();
  }
  const sql = connect(templateUrl(url), { connections_max: 1 });
  try {
    await migrate(sql, { log, clock: systemClock });
  } finally {
    await sql.end();
  }
}

export async function startTestServer(): Promise<TestServer> {
  const log = createLogger({ level: "warn", format: "text", now: systemClock.now });
  await using started = new AsyncDisposableStack();
  const dir = started.use(await tempDir());
  const postgres = started.use(
    await startEmbedded({ data_dir: dir.join("data"), log, clock: systemClock }),
  );
  await createTemplate(postgres.url);
  const running = started.move();
  return {
    url: postgres.url,
    template_url: templateUrl(postgres.url),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

if (import.meta.main) {
  await using server = await startTestServer();
  await Deno.stdout.write(new TextEncoder().encode(`${server.url}\n`));
  // Ctrl-C reaches us as well as the tests; their end ends our input
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGINT", () => {});
  await Deno.stdin.readable.pipeTo(new WritableStream()).catch(() => {});
}
