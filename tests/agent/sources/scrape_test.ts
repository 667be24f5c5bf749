/** Exporters that answer, that answer wrongly, and that do not answer. */
import assert from "node:assert/strict";
import { parseReport } from "../../../report.ts";
import { freePort } from "../../support/free_port.ts";
import { exporter, recordedPage } from "../../support/exporter.ts";
import { readPage } from "../../support/exporter_page.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { messageOf, seriesOf, sources } from "./source_fixture.ts";

const LONG = { timeout: "1h" };

Deno.test("scrape: a recorded page of node_exporter, complete", async () => {
  const page = await recordedPage("node_exporter.txt.gz");
  await using target = exporter(page);
  await using all = await sources({ scrape: { node: { url: target.url, ...LONG } } });
  const { "node.scrape_seconds": seconds, ...series } = seriesOf(await all.run("node"));
  const wanted = readPage(page);
  assert.equal(wanted.size, 507);
  assert.deepEqual(series, {
    ...Object.fromEntries(wanted),
    "node.up": 1,
    "node.scrape_series": 507,
    "node.scrape_not_finite": 0,
  });
  assert.equal(typeof seconds, "number");
  const { runner, own_report } = all.collector("node");
  assert.equal(own_report, true);
  assert.deepEqual(runner.metadata('node_disk_read_bytes_total{device="vda"}'), {
    kind: "counter",
    unit: "B",
    description: "The total number of bytes read successfully.",
  });
  assert.equal(runner.metadata("node.up")?.kind, "state");
  assert.match(target.asked.get("accept") ?? "", /^text\/plain;version=0\.0\.4/);
  const limits = { future_ms_max: 0, past_ms_max: 0 };
  const { faults } = parseReport({ hostname: "a", metrics: series }, {
    path: "",
    now_ms: 0,
    limits,
  });
  assert.deepEqual(faults, [], "the server takes it");
});

Deno.test("scrape: OpenMetrics and gzip, as the answer says", async () => {
  const page = "# TYPE a counter\na_total 1 5.5\na_created 2\n# EOF\n";
  await using target = exporter(() =>
    new Response(new Blob([page]).stream().pipeThrough(new CompressionStream("gzip")), {
      headers: {
        "content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "content-encoding": "gzip",
      },
    })
  );
  await using all = await sources({
    scrape: { x: { url: target.url, timestamps: true, exclude: ["*_created"], ...LONG } },
  });
  const series = seriesOf(await all.run("x"));
  assert.deepEqual(series.a_total, { value: 1, timestamp: 5.5 });
  assert.equal(series["x.scrape_series"], 1);
  assert.match(target.asked.get("accept-encoding") ?? "", /gzip/);
});

Deno.test("scrape: the token is read for every scrape, and stays with its target", async () => {
  await using dir = await tempDir();
  const file = dir.join("token");
  await Deno.writeTextFile(file, "first\n");
  await using target = exporter("a 1\n");
  await using all = await sources({
    scrape: { x: { url: target.url, token_file: file, ...LONG } },
  });
  await all.run("x");
  assert.equal(target.asked.get("authorization"), "Bearer first");
  await Deno.writeTextFile(file, "second");
  await all.run("x");
  assert.equal(target.asked.get("authorization"), "Bearer second");
  await Deno.writeTextFile(file, "sec\nret");
  const message = messageOf(await all.run("x"));
  assert.equal(message, `token_file ${file} must have one line of visible characters`);
  await Deno.remove(file);
  assert.match(messageOf(await all.run("x")), /cannot be read: it does not exist$/);
});

Deno.test("scrape: what goes wrong is said in one line, and the target is down", async () => {
  await using target = exporter("");
  const { url } = target;
  await using all = await sources({
    scrape: {
      x: { url: `${url}?secret=1`, bytes_max: 1024, series_max: 2, ...LONG },
      nobody: { url: `http://127.0.0.1:${freePort()}/metrics`, ...LONG },
    },
  });
  const failed = async (answer: () => Response) => {
    target.answer = answer;
    const outcome = await all.run("x");
    assert.deepEqual([...outcome.series ?? []], [["x.up", 0]]);
    return messageOf(outcome).replace(url, "URL");
  };
  assert.equal(
    await failed(() => new Response("no", { status: 503 })),
    "cannot read URL: the answer has the status 503",
  );
  assert.equal(
    await failed(() => new Response("no", { status: 401 })),
    "cannot read URL: the answer has the status 401: see token_file",
  );
  assert.equal(
    await failed(() => new Response("", { status: 302, headers: { location: "/other" } })),
    "cannot read URL: it is elsewhere (302): set url to /other",
  );
  assert.equal(
    await failed(() => new Response("<html>")),
    "cannot take URL: line 1, column 1: here must be the name of a metric",
  );
  assert.equal(
    await failed(() => new Response("a 1\n".repeat(1_000))),
    "cannot read URL: the answer has more than bytes_max (1024)",
  );
  assert.match(
    await failed(() => new Response("a 1\nb 2\nc 3\n")),
    /^cannot take URL: 3 series are/,
  );
  assert.match(
    messageOf(await all.run("nobody")),
    /^cannot read http:.*refused/i,
  );
  target.answer = () => new Response("a 1\n");
  assert.equal(seriesOf(await all.run("x"))["x.up"], 1);
});

Deno.test("scrape: the deadline ends it, also in the middle of an answer", async () => {
  const asked = Promise.withResolvers<void>();
  await using target = exporter(() => {
    asked.resolve();
    return new Response(
      new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("a 1\n")) }),
    );
  });
  await using all = await sources({ scrape: { x: { url: target.url, timeout: "3s" } } });
  const outcome = all.collector("x").runner.collect({ at_ms: 0, timeout_ms: 3_000 });
  await asked.promise;
  await all.clock.advance(3_000);
  assert.equal(
    messageOf(await outcome),
    `cannot read ${target.url}: no complete answer within 3000 ms`,
  );
  assert.equal((await outcome).kind, "timeout");
});
