/** TLS from end to end: the port, its certificate, agents that trust it. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { once } from "node:events";
import { askerFor } from "../../agent/server_trust.ts";
import { selfSigned } from "../../server/certificate/der.ts";
import { type LoadedKeyPair, readKeyPair } from "../../server/certificate/key_pair.ts";
import { watchKeyPair } from "../../server/certificate/watch.ts";
import { createLogger, silentLogger } from "../../log.ts";
import { loadConfig } from "../../server/config.ts";
import { Registry } from "../../server/metrics/registry.ts";
import { systemClock } from "../../clock.ts";
import { listen } from "../../server/http/listen.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { testApp } from "../support/test_app.ts";

const HOUR_MS = 3_600_000;
const fresh = () => {
  const now_ms = systemClock.now();
  return selfSigned({
    names: ["localhost", "127.0.0.1"],
    from_ms: now_ms - HOUR_MS,
    to_ms: now_ms + HOUR_MS,
  });
};

async function keyFiles() {
  const dir = await Deno.makeTempDir({ prefix: "monitor-test-" });
  const files = { certificate_file: `${dir}/a.pem`, key_file: `${dir}/a.key` };
  const write = async ({ cert, key }: { cert: string; key: string }) => {
    await Deno.writeTextFile(files.certificate_file, cert);
    await Deno.writeTextFile(files.key_file, key);
    return files;
  };
  await write(fresh());
  return {
    files,
    write,
    pair: () => readKeyPair(files, systemClock.now()),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

Deno.test("tls: HTTP/2 by ALPN; agents trust by file or by fingerprint, and nobody else", async () => {
  await using at = await keyFiles();
  const { cert, fingerprint } = at.pair();
  await using app = await testApp({ config: { tls: { ...at.files } } });
  assert.match(app.url, /^https:/);

  const session = connect(app.url, { ca: cert });
  const stream = session.request({ ":path": "/health" });
  const [headers] = await once(stream, "response");
  assert.equal(headers[":status"], 200);
  assert.match(headers["strict-transport-security"], /max-age/);
  stream.close();
  session.destroy();

  const body = JSON.stringify({ hostname: "a", metrics: { b: 1 } });
  const post = { method: "POST", body, headers: { "content-type": "application/json" } };
  const url = `${app.url}/metrics`;
  for (
    const trust of [{ server_ca_file: at.files.certificate_file }, {
      server_fingerprint: fingerprint,
    }]
  ) {
    const ask = await askerFor(trust);
    for (let n = 0; n < 2; n++) {
      const answer = await ask(url, post);
      assert.equal(answer.status, 200, await answer.text());
    }
  }
  await assert.rejects(async () => await (await askerFor({}))(url, post));
  const wrong = `sha256:${"0".repeat(64)}`;
  const ask = await askerFor({ server_fingerprint: wrong });
  await assert.rejects(ask(url, post), (error: Error) => {
    assert.ok(error.message.includes(wrong) && error.message.includes(fingerprint), error.message);
    return true;
  });
});

Deno.test("tls: after a renewal new connections get the new certificate, old requests their answer", async () => {
  const [first, second] = [fresh(), fresh()];
  await using started = new AsyncDisposableStack();
  const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const listening = listen(async (request) => {
    if (request.url.endsWith("/slow")) {
      asked.resolve();
      await answered.promise;
    }
    return new Response("here");
  }, {
    ...{ host: "127.0.0.1", port: 0, clock: systemClock, started, tls: first },
    ...{ log: silentLogger, metrics: new Registry(), limits: loadConfig({ env: {} }).limits },
  });
  const textOf = async (path: string, cert: string) => {
    using client = Deno.createHttpClient({ caCerts: [cert] });
    return await (await fetch(listening.url + path, { client })).text();
  };
  const slow = textOf("/slow", first.cert);
  await asked.promise;
  await listening.renew(second);
  assert.equal(await textOf("/", second.cert), "here");
  await assert.rejects(textOf("/", first.cert));
  answered.resolve();
  assert.equal(await slow, "here");
});

Deno.test("tls: a renewed pair is taken; one that cannot be used is told once and not taken", async () => {
  await using at = await keyFiles();
  const clock = new FakeClock(systemClock.now());
  const lines: string[] = [];
  const log = createLogger({
    ...{ level: "info", format: "text", now: () => clock.now() },
    write: (line) => lines.push(line),
  });
  const stop = new AbortController();
  const taken: LoadedKeyPair[] = [];
  const watching = watchKeyPair(at.files, {
    ...{ used: at.pair(), clock, log, signal: stop.signal },
    onRenewed: (pair) => {
      taken.push(pair);
      return Promise.resolve();
    },
  });
  await clock.advance(10_000);
  assert.deepEqual([taken.length, lines.length], [0, 0]);
  const { key } = fresh();
  const renewed = fresh();
  await at.write({ cert: renewed.cert, key });
  await clock.advance(10_000);
  await clock.advance(10_000);
  assert.equal(taken.length, 0);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /from before is kept.*does not belong/);
  await at.write(renewed);
  await clock.advance(10_000);
  assert.equal(taken[0]?.cert, renewed.cert);
  stop.abort();
  await watching;
});

Deno.test("headers: no answer can be framed, sniffed or kept; the way of reports says what it must", async () => {
  await using app = await testApp();
  const { headers } = await app.get("/fetch/hosts");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("x-frame-options"), "DENY");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("strict-transport-security"), null);
  const posted = await app.post({ hostname: "a", metrics: { b: 1 } });
  assert.equal(posted.headers.get("x-content-type-options"), "nosniff");
});
