/**
 * Programs that others wrote, as `monitor agent` runs them: Debian's prometheus-node-exporter, scraped,
 * and its monitoring-plugins, by exec. What they say is read a second time, in another way, and compared.
 */
import assert from "node:assert/strict";
import { debianProgram } from "../support/debian.ts";
import { exporter } from "../support/exporter.ts";
import { readPage } from "../support/exporter_page.ts";
import { tempDir } from "../support/temp_dir.ts";
import { runMonitor } from "./run_monitor.ts";

const NODE_EXPORTER = debianProgram("/usr/bin/prometheus-node-exporter");
const PLUGINS = debianProgram("/usr/lib/nagios/plugins/check_load")?.replace(/\/check_load$/, "");

interface Printed {
  metrics: { metric: string; value: number | null; unit?: string; message?: string }[];
  failed: { script: string; message: string }[];
}

/** Collects once with these settings, as a person would. */
async function collectOnce(settings: Record<string, unknown>) {
  await using dir = await tempDir();
  const file = dir.join("agent.json");
  await Deno.writeTextFile(file, JSON.stringify({ shipped: false, metrics: [], ...settings }));
  const { code, out, err } = await runMonitor(["agent", "--once", "--json", "--config", file]);
  const { metrics, failed }: Printed = JSON.parse(out);
  return {
    code,
    err,
    failed,
    series: new Map(metrics.map(({ metric, ...rest }) => [metric, rest])),
  };
}

/** node_exporter on a port of its own, which it says when it listens. */
async function startNodeExporter(program: string) {
  const child = new Deno.Command(program, {
    args: ["--web.listen-address=127.0.0.1:0"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const lines = child.stderr.pipeThrough(new TextDecoderStream());
  let said = "";
  const reader = lines.getReader();
  let address: string | undefined;
  while (address === undefined) {
    const { done, value = "" } = await reader.read();
    assert.ok(!done, said);
    said += value;
    address = /address=(127\.0\.0\.1:\d+)/.exec(said)?.[1];
  }
  return {
    url: `http://${address}/metrics`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

Deno.test({
  name: "Debian's prometheus-node-exporter is scraped completely",
  ignore: NODE_EXPORTER === undefined,
  fn: async () => {
    await using node = await startNodeExporter(NODE_EXPORTER ?? "");
    // In between, so that both readings are of the same page.
    let page = "";
    await using between = exporter(async (request) => {
      const { accept = "" } = Object.fromEntries(request.headers);
      const response = await fetch(node.url, { headers: { accept } });
      page = await response.text();
      return new Response(page, {
        headers: response.headers.has("content-type")
          ? { "content-type": response.headers.get("content-type") ?? "" }
          : {},
      });
    });
    const { code, err, series } = await collectOnce({ scrape: { node: { url: between.url } } });
    assert.deepEqual([code, err], [0, ""]);
    const wanted = readPage(page);
    assert.ok(wanted.size > 200, `${wanted.size} series`);
    const finite = new Map([...wanted].filter(([, value]) => Number.isFinite(value)));
    const own = [...series.keys()].filter((name) => name.startsWith("node."));
    assert.deepEqual(own, [
      "node.scrape_not_finite",
      "node.scrape_seconds",
      "node.scrape_series",
      "node.up",
    ]);
    for (const name of own) series.delete(name);
    const values = new Map([...series].map(([name, { value }]) => [name, value]));
    assert.deepEqual(values, new Map([...finite].sort(([a], [b]) => a < b ? -1 : 1)));
    assert.equal(series.get("node_memory_MemTotal_bytes")?.unit, "B");
  },
});

Deno.test({
  name: "Debian's monitoring-plugins: status, text and performance data",
  ignore: PLUGINS === undefined,
  fn: async () => {
    const plugin = (...command: string[]) => ({
      command: [`${PLUGINS}/${command[0]}`, ...command.slice(1)],
      format: "nagios",
      timeout: "10s",
    });
    const { code, failed, series } = await collectOnce({
      exec: {
        load: plugin("check_load", "-w", "900,900,900", "-c", "999,999,999"),
        disk: plugin("check_disk", "-w", "0%", "-c", "0%", "-p", "/"),
        procs: plugin("check_procs", "-w", "0:0", "-c", "0:100000"),
        age: plugin("check_dummy", "2", "too old"),
        unsure: plugin("check_dummy", "3"),
        closed: plugin("check_tcp", "-H", "127.0.0.1", "-p", "1"),
        wrong: { command: ["/bin/sh", "-c", "exit 127"], format: "nagios" },
      },
    });
    assert.equal(code, 1, "one of them cannot be run");
    assert.deepEqual(failed, [{ script: "wrong", message: "ended with exit code 127" }]);
    const states = ["load", "disk", "procs", "age", "unsure", "closed"]
      .map((name) => [name, series.get(name)?.value]);
    assert.deepEqual(states, [
      ["load", 0],
      ["disk", 0],
      ["procs", 1],
      ["age", 2],
      ["unsure", 3],
      ["closed", 2],
    ]);
    const text = (name: string) => series.get(name)?.message ?? "";
    // The text repeats the numbers of the performance data.
    const [, one, five, fifteen] = /average: ([\d.]+), ([\d.]+), ([\d.]+)$/.exec(text("load")) ??
      [];
    assert.deepEqual(
      ["load.load1", "load.load5", "load.load15"].map((name) =>
        series.get(name)?.value?.toFixed(2)
      ),
      [one, five, fifteen],
    );
    assert.match(text("disk"), /^DISK OK/);
    assert.equal(series.get("disk./")?.unit, "B");
    assert.ok((series.get("disk./")?.value ?? 0) > 1_000_000, "bytes in use");
    assert.equal(text("procs"), `PROCS WARNING: ${series.get("procs.procs")?.value} processes`);
    assert.equal(text("age"), "CRITICAL: too old");
    assert.match(text("closed"), /Connection refused/);
  },
});
