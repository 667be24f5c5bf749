/**
 * `await using db = await testDatabase()`: a database of its own for a test, cloned from the migrated
 * template and dropped at the end. Needs nothing installed: `deno task test` starts one PostgreSQL for
 * the run; a file that is run alone (`deno test -A tests/db/x_test.ts`) gets one while it is loaded.
 * MONITOR_TEST_DATABASE_URL names another server to test on; it needs the template, see test_server.ts.
 */
import { type AddressParts, resolveAddress } from "../../db/address.ts";
import { connect, type ConnectOptions, type Sql } from "../../db/connect.ts";
import { TEMPLATE_DATABASE, TEST_DATABASE_VARIABLE } from "./test_server.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly sql: Sql;
  /** Of this database, for `connect()` or another process. */
  readonly url: string;
  /** The same in parts. */
  readonly address: AddressParts;
}

/** Starts the server for a file that is run alone; it ends with this process. */
async function startOwnServer(): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("test_server.ts", import.meta.url).href],
    // stays open as long as we live
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream()).values()) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  if (!text.includes("\n")) {
    throw new Error("Cannot start PostgreSQL for the tests: see the message above");
  }
  child.unref();
  return text.trim();
}

// While the module is loaded, not in the first test, whose leak sanitizer would see the process
const server_url = Deno.env.get(TEST_DATABASE_VARIABLE) ?? await startOwnServer();

export interface TestDatabaseOptions extends ConnectOptions {
  /** Without the program's tables. Default: migrated. */
  empty?: boolean;
}

/** Makes a fresh database; see above. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { empty, ...connect_options } = options;
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const run = async (statement: string) => {
    const admin = connect(server_url, { connections_max: 1 });
    try {
      await admin.unsafe(statement);
    } finally {
      await admin.end();
    }
  };
  await run(`create database ${name} template ${empty ? "template0" : TEMPLATE_DATABASE}`);
  const address = { ...resolveAddress(server_url), database: name };
  const url = new URL(server_url);
  url.pathname = `/${name}`;
  const sql = connect(address, connect_options);
  return {
    sql,
    url: url.href,
    address,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 0 });
      await run(`drop database ${name} with (force)`);
    },
  };
}
