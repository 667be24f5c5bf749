/** A server whose PostgreSQL is behind PgBouncer, which gives a connection for one transaction. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { resolveAddress, urlOf } from "../../db/address.ts";
import { debianProgram } from "../support/debian.ts";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testDatabase } from "../support/test_database.ts";
import { runMonitor, startMonitor } from "./run_monitor.ts";

const PROGRAM = debianProgram("/usr/sbin/pgbouncer");

async function ownerOf(path: string) {
  const { uid, gid } = await Deno.stat(path);
  return { uid: uid ?? undefined, gid: gid ?? undefined };
}

/** PgBouncer in front of a database; ends with `await using`. */
async function pgbouncer(program: string, database_url: string) {
  const { host, port, username, database } = resolveAddress(database_url);
  const dir = await tempDir();
  const listen_port = freePort();
  const settings = dir.join("pgbouncer.ini");
  await Deno.writeTextFile(
    settings,
    `[databases]
${database} = host=${host} port=${port} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
`,
  );
  await Deno.chmod(dir.path, 0o755);
  // it refuses to be root, and the socket is only for its owner
  const owner = Deno.uid() === 0 ? await ownerOf(`${host}/.s.PGSQL.${port}`) : {};
  const child = new Deno.Command(program, {
    args: [settings],
    env: { LD_LIBRARY_PATH: program.replace(/\/usr\/sbin\/.*$/, "/usr/lib/x86_64-linux-gnu") },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    ...owner,
  }).spawn();
  let log = "";
  const up = Promise.withResolvers<void>();
  const read = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (log.includes("process up")) up.resolve();
    }
    up.reject(new Error(`PgBouncer does not start:\n${log}`));
  })();
  up.promise.catch(() => {});
  await up.promise;
  return {
    url: urlOf({ host: "127.0.0.1", port: listen_port, username, database }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await read;
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function json(response: Response) {
  assert.ok(response.ok, await response.clone().text());
  return await response.json();
}

Deno.test({
  name: "PgBouncer: two servers behind it take, show, aggregate and evaluate",
  ignore: PROGRAM === undefined,
  async fn() {
    await using database = await testDatabase({ empty: true });
    await using bouncer = await pgbouncer(PROGRAM ?? "", database.url);
    await using dir = await tempDir();
    const config = dir.join("server.json");
    const settings = { url: bouncer.url, pooled: true, direct_url: database.url };
    await Deno.writeTextFile(
      config,
      JSON.stringify({
        data_dir: dir.join("data"),
        webapp: { port: 0 },
        database: settings,
        // what is merged is counted below
        aggregate: { schedule: "never" },
      }),
    );
    const migrated = await runMonitor(["migrate", "--config", config]);
    assert.equal(migrated.code, 0, migrated.err);
    await using first = await startMonitor(["serve", "--config", config]);
    await using second = await startMonitor(["serve", "--config", config]);
    const rule = { name: "Busy", metric: "cpu", condition: "above", threshold: 90 };
    const post = (url: string, body: unknown) =>
      fetch(url, { method: "POST", body: JSON.stringify(body) });
    await json(await post(`${first.url}/api/v1/rules`, rule));
    const now_s = Math.floor(systemClock.now() / 1000);
    // hours that are over, the second time as duplicates
    const past = Array.from({ length: 500 }, (_, i) => ({
      hostname: `h${i % 5}`,
      timestamp: now_s - 8_000 + i,
      metrics: { cpu: i % 80, other: i },
    }));
    assert.equal((await json(await post(`${first.url}/metrics`, past))).stored, 500);
    assert.equal((await json(await post(`${second.url}/metrics`, past))).duplicate, 500);
    const done = await json(await post(`${second.url}/aggregate`, {}));
    assert.equal(done.reports_merged + done.late_reports_merged, 500);
    const history = await json(await fetch(`${first.url}/fetch/history/h1/other`));
    assert.equal(history.length, 100);
    await json(await post(`${second.url}/metrics`, { hostname: "h1", metrics: { cpu: 95 } }));
    for (const { url } of [first, second]) {
      for (;;) {
        const { incidents } = await json(await fetch(`${url}/api/v1/incidents?state=open`));
        const latest = await json(await fetch(`${url}/fetch/latest`));
        if (incidents.length === 1 && latest.h1.metrics.cpu === 95) break;
        await systemClock.sleep(50);
      }
    }
    for (const { err } of [first, second]) assert.doesNotMatch(err, /error|prepared statement/i);
  },
});
