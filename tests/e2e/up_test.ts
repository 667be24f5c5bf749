/** `monitor up` as the person at the terminal sees it, from the first lines to Ctrl-C. */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { tempDir } from "../support/temp_dir.ts";
import { firstMetrics } from "./first_metrics.ts";
import { runMonitor, startMonitor } from "./run_monitor.ts";

Deno.test("monitor up says where everything is, collects, and stops cleanly on Ctrl-C", async () => {
  await using dir = await tempDir();
  const data = dir.join("data");
  await using monitor = await startMonitor(["up", "--port", "0", "--data", data]);
  await monitor.line(/^stop .*Ctrl-C$/);
  const lines = monitor.out.trimEnd().split("\n");
  assert.equal(lines[0], `monitor ${manifest.version}`);
  assert.equal(lines[1], `data      ${data}`);
  assert.match(lines[2] ?? "", /^page {6}http:\/\/localhost:\d+$/);
  assert.match(lines[3] ?? "", /^collects {2}cpu_usage, .* of this machine, ".+"$/);
  assert.deepEqual(lines.slice(4), ["stop      Ctrl-C"]);

  const metrics = await firstMetrics(monitor.url);
  assert.ok("cpu_usage" in metrics, Object.keys(metrics).join(", "));
  const latest = await runMonitor(["latest", "--server", monitor.url]);
  assert.equal(latest.code, 0, latest.err);
  assert.match(latest.out, /\bcpu_usage +[\d.]+/);

  // the page is in the program
  const page = await (await fetch(monitor.url, { headers: { accept: "text/html" } })).text();
  const script = /<script type="module" src="([^"]+)">/.exec(page)?.[1];
  assert.ok(script !== undefined, page);
  const answer = await fetch(monitor.url + script);
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [
    200,
    "text/javascript; charset=utf-8",
  ]);
  assert.ok((await answer.text()).length > 10_000);

  const second = await runMonitor(["up", "--port", "0", "--data", data]);
  assert.deepEqual([second.code, second.out], [1, ""]);
  assert.match(second.err, /^error: Cannot use data directory ".+": monitor with process id \d+ /);
  assert.match(second.err, /^ {2}try: .+--data$/m);

  monitor.kill("SIGINT");
  assert.equal(await monitor.ended, 0, monitor.err);
  assert.equal(monitor.err.trimEnd().split("\n").at(-1), "stopping");
  await assert.rejects(fetch(monitor.url));
});

// A terminal sends Ctrl-C to npx, deno task and monitor; the first two pass it on as well.
Deno.test("monitor up takes one Ctrl-C that arrives three times for one", async () => {
  await using dir = await tempDir();
  for (let is_shown = false; !is_shown;) {
    await using monitor = await startMonitor(["up", "--port", "0", "--data", dir.join("data")]);
    await monitor.line(/^stop .*Ctrl-C$/);
    const begun_ms = performance.now();
    monitor.kill("SIGINT");
    await monitor.line(/^stopping$/);
    monitor.kill("SIGINT");
    monitor.kill("SIGINT");
    // where this took long, the later ones may be another press: then it shows nothing
    is_shown = performance.now() - begun_ms < 500;
    await monitor.ended;
    if (is_shown) assert.doesNotMatch(monitor.err, /Ended at once/);
  }
});

Deno.test("monitor up tells in three lines that its port is taken", async () => {
  await using dir = await tempDir();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const ran = await runMonitor(["up", "--port", String(port), "--data", dir.join("data")]);
  assert.deepEqual([ran.code, ran.out], [1, ""]);
  assert.deepEqual(ran.err.trimEnd().split("\n").slice(-3), [
    `error: Cannot listen on 127.0.0.1:${port}`,
    "  why: another program listens there already",
    `  try: stop it, or take another port with --port ${port + 1}`,
  ]);
});

Deno.test("monitor migrate --status tells what an empty database lacks, migrate applies it", async () => {
  await using dir = await tempDir();
  const data = dir.join("data");
  const before = await runMonitor(["migrate", "--status", "--data", data]);
  assert.equal(before.code, 0, before.err);
  assert.match(before.out, /^0001_\S+ +pending$/m);
  const applied = await runMonitor(["migrate", "--data", data]);
  assert.equal(applied.code, 0, applied.err);
  assert.match(applied.out, /^Up to date: \d+ migrations?, [1-9]\d* applied now$/m);
});
