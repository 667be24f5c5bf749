/** `monitor health` beside a real server: what it says, and for what it fails. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { CommandError } from "../../../server/cli/failure.ts";
import { loadConfig } from "../../../server/config.ts";
import { checkHealth } from "../../../server/installation/health.ts";
import { breakableDatabase } from "../../support/breakable_database.ts";
import { selfSigned } from "../../support/certificate.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testApp } from "../../support/test_app.ts";

const DAY_MS = 86_400_000;

function configOf(url: string, env: Record<string, string> = {}) {
  return loadConfig({ overrides: { port: new URL(url).port }, env, working_dir: "/" });
}

/** What it fails with: message and reason. */
async function failure(asked: Promise<string>): Promise<string> {
  const error = await asked.then((text) => assert.fail(text), (error) => error);
  assert.ok(error instanceof CommandError, String(error));
  return `${error.message}: ${error.cause}`;
}

Deno.test("checkHealth() finds a server that lives and can work, and one that cannot", async () => {
  await using database = await breakableDatabase();
  await using app = await testApp({ database });
  const config = configOf(app.url);
  assert.match(await checkHealth(config, {}), /^the server at http:\/\/127\.0\.0\.1:\d+ lives$/);
  assert.match(await checkHealth(config, { ready: true }), /is ready$/);
  database.cut();
  assert.match(await checkHealth(config, {}), /lives$/);
  assert.match(
    // an answer about the database counts for a second
    await failure((async () => {
      for (;;) await checkHealth(config, { ready: true });
    })()),
    /cannot do its work: database: PostgreSQL (cannot be reached|has not answered for 2 s); /,
  );
  database.mend();
});

Deno.test("checkHealth() asks a server with a certificate of its own by https", async () => {
  await using dir = await tempDir();
  const [certificate_file, key_file] = [dir.join("a.pem"), dir.join("a.key")];
  const now_ms = systemClock.now();
  const { cert, key } = selfSigned({ from_ms: now_ms - DAY_MS, to_ms: now_ms + DAY_MS });
  await Deno.writeTextFile(certificate_file, cert);
  await Deno.writeTextFile(key_file, key);
  await using app = await testApp({ config: { tls: { certificate_file, key_file } } });
  const env = { MONITOR_TLS_CERTIFICATE_FILE: certificate_file, MONITOR_TLS_KEY_FILE: key_file };
  assert.match(
    await checkHealth(configOf(app.url, env), { ready: true }),
    /^the server at https:\/\/127\.0\.0\.1:\d+ is ready$/,
  );
});

Deno.test("checkHealth() tells nobody, somebody else, and who hangs up", async () => {
  const answers = ["HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", ""];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const answering = (async () => {
    for (const answer of answers) {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(1_000));
      await connection.write(new TextEncoder().encode(answer));
    }
  })();
  assert.match(
    await failure(checkHealth(configOf(url), {})),
    /is no monitor server: \/health was answered with status 404$/,
  );
  assert.match(await failure(checkHealth(configOf(url), {})), /^No server answers at http/);
  await answering;
  listener.close();
  assert.match(
    await failure(checkHealth(configOf(url), {})),
    /^No server answers at http:\/\/127\.0\.0\.1:\d+: connection refused, nothing listens there$/,
  );
});
