import assert from "node:assert/strict";
import { AgentConfigError, loadAgentConfig } from "../../agent/config.ts";
import { durationMs, durationText } from "../../agent/duration.ts";
import { DEFAULT_POLICY } from "../../agent/permissions.ts";
import { tempDir } from "../support/temp_dir.ts";

const hostname = () => "vm1";

async function faults(settings: Record<string, unknown>): Promise<readonly string[]> {
  try {
    // As a person would write them: the types cannot hold them back.
    await loadAgentConfig({ overrides: settings as never, hostname });
  } catch (error) {
    if (error instanceof AgentConfigError) return error.faults;
    throw error;
  }
  return [];
}

Deno.test("loadAgentConfig() needs nothing", async () => {
  const env = { MONITOR_AGENT_DATA: "/data" };
  assert.deepEqual(await loadAgentConfig({ hostname, env }), {
    server: "http://localhost:8888",
    hostname: "vm1",
    data_dir: "/data",
    collectors: {},
    tags: {},
    shipped: true,
    interval: 10_000,
    timeout: 5_000,
    permissions: { default: DEFAULT_POLICY, scripts: {} },
    exec: {},
    scrape: {},
    sign: false,
    isolation: "auto",
    script_memory_bytes: 256 * 1024 * 1024,
    commands_at_once: 4,
    spool: { bytes: 256 * 1024 * 1024, age: 7 * 86_400_000 },
    request_timeout: 10_000,
  });
});

Deno.test("loadAgentConfig(): the command line wins over the environment, that over the file", async () => {
  await using dir = await tempDir();
  const file = dir.join("agent.json");
  await Deno.writeTextFile(
    file,
    JSON.stringify({ hostname: "file", alias: "file", location: "file", interval: "1m" }),
  );
  const env = {
    MONITOR_AGENT_HOSTNAME: "env",
    MONITOR_AGENT_ALIAS: "env",
    MONITOR_AGENT_TAGS: "role=web, site=a=b",
    MONITOR_AGENT_METRICS: "a,b",
    MONITOR_AGENT_TOKEN: "",
  };
  const overrides = { hostname: "line", alias: undefined, server: "https://m.example/monitor/" };
  const config = await loadAgentConfig({ file, env, overrides, hostname });
  assert.deepEqual(
    [config.hostname, config.alias, config.location, config.interval, config.server],
    ["line", "env", "file", 60_000, "https://m.example/monitor"],
  );
  assert.deepEqual(config.tags, { role: "web", site: "a=b" });
  assert.deepEqual(config.metrics, ["a", "b"]);
  assert.equal(config.token, undefined, "an empty variable is none");
});

const FAULTS: [settings: Record<string, unknown>, line: string][] = [
  [
    { server: "ftp://x" },
    'server must be a URL such as "http://monitor.example:8888": current value is "ftp://x"',
  ],
  [
    { interval: 0.2 },
    'interval must be between 1 s and 24 h, as seconds or a text such as "30s" or "5m": ' +
    "current value is 0.2",
  ],
  [{ hostname: "" }, 'hostname must not be empty: current value is ""'],
  [{ shipped: "yes" }, 'shipped must be true or false: current value is "yes"'],
  [{ spool: { bytes: 3 } }, "spool.bytes must be at least 1048576: current value is 3"],
  [
    { spool: { dir: 3 } },
    "spool.dir must be a directory, or null to keep reports in memory only: current value is 3",
  ],
  [{ tags: { a: [1] } }, "tags.a must be a text, a number, true or false: current value is [1]"],
  [
    { permissions: { scripts: { x: { net: 3 } } } },
    "permissions.scripts.x.net must be true, false or a list of texts: current value is 3",
  ],
  [
    { permissions: { scripts: { x: { import: true } } } },
    "permissions.scripts.x.import is not a setting",
  ],
  [
    { scrape: { x: { url: "localhost:9100" } } },
    'scrape.x.url must be a URL such as "http://localhost:9100/metrics": ' +
    'current value is "localhost:9100"',
  ],
  [
    { scrape: { x: { url: "http://a:b@c/metrics" } } },
    "scrape.x.url must have no password: see token_file",
  ],
  [
    {
      exec: { x: { command: ["a"], format: "json" } },
      scrape: { x: { url: "http://localhost:9100/metrics" } },
    },
    "scrape.x is the name of a command under exec too: call one of them otherwise",
  ],
  [
    { scrape: { x: { url: "http://a", labels: { "a-b": "1" } } } },
    "scrape.x.labels.a-b must be the name of a label: letters, digits and _",
  ],
  [{ python: 3 }, "python must be true, false or the path of python3: current value is 3"],
  [{ statsd: { port: 70_000 } }, "statsd.port must be at most 65535: current value is 70000"],
  [
    { statsd: { host: "localhost" } },
    'statsd.host must be an IP address such as "127.0.0.1": current value is "localhost"',
  ],
  [{ statsd: 8125 }, "statsd must be of type object: current value is 8125"],
  [
    { statsd: true, exec: { statsd: { command: ["a"], format: "json" } } },
    "exec.statsd is the name of the StatsD listener too: call one of them otherwise",
  ],
  [{ servr: 1 }, "servr is not a setting, did you mean server?"],
  [
    { exec: { x: { format: "json" } } },
    'exec.x.command must be a list such as ["/usr/bin/my-check", "--json"]',
  ],
  [
    { exec: { x: { command: ["a"], format: "xml" } } },
    'exec.x.format must be one of json, prometheus, nagios: current value is "xml"',
  ],
  [
    { exec: { x: { command: "df -h", format: "json" } } },
    'exec.x.command must be a list: current value is "df -h"',
  ],
  [
    { exec: { x: { command: ["a"], shell: "a", format: "json" } } },
    'exec.x.shell cannot be given together with command: take one of the two: current value is "a"',
  ],
  [
    { exec: { x: { command: ["a"], format: "nagios", prefix: "p" } } },
    'exec.x.prefix is only for the format prometheus: current value is "p"',
  ],
  [
    { exec: { x: { command: ["a"], format: "json", env: ["A B"] } } },
    'exec.x.env[0] must be a name such as "PGHOST", or "PGHOST=db"',
  ],
  [{ exec: { x: { command: ["a"], format: "json", evry: 1 } } }, "exec.x.evry is not a setting"],
  [
    { exec: { "a.b": { command: ["a"], format: "json" } } },
    'exec["a.b"] must be named by a letter and then letters, digits, _ and -, at most 100',
  ],
  [{ token: "a\nb" }, "token must not contain control characters"],
  [
    { token_file: "/does/not/exist" },
    'token_file must be a file that can be read: current value is "/does/not/exist"',
  ],
];
for (const [settings, line] of FAULTS) {
  Deno.test(`loadAgentConfig() tells what is wrong with ${JSON.stringify(settings)}`, async () => {
    assert.deepEqual(await faults(settings), [`command line: ${line}`]);
  });
}

Deno.test("loadAgentConfig() tells all faults at once, each with its source", async () => {
  await using dir = await tempDir();
  const file = dir.join("agent.json");
  await Deno.writeTextFile(file, '{"interval": "soon", "alias": 7}');
  await assert.rejects(loadAgentConfig({ file, env: { MONITOR_AGENT_SERVER: "x" }, hostname }), {
    name: "AgentConfigError",
    exit_code: 2,
    message: `MONITOR_AGENT_SERVER: server must be a URL such as "http://monitor.example:8888": ` +
      `current value is "x"\n` +
      `${file}: alias must be a text: current value is 7\n` +
      `${file}: interval must be between 1 s and 24 h, as seconds or a text such as "30s" or ` +
      `"5m": current value is "soon"`,
  });
});

Deno.test("loadAgentConfig() tells why a file cannot be used", async () => {
  await using dir = await tempDir();
  const file = dir.join("agent.json");
  const missing = { message: `${file}: cannot be read: it does not exist` };
  await assert.rejects(loadAgentConfig({ file }), missing);
  await assert.rejects(loadAgentConfig({ env: { MONITOR_AGENT_CONFIG: file } }), missing);
  await Deno.writeTextFile(file, "{");
  await assert.rejects(loadAgentConfig({ file }), /agent\.json: is not JSON: SyntaxError/);
  await Deno.writeTextFile(file, "[]");
  await assert.rejects(loadAgentConfig({ file }), /must be an object: current value is \[\]/);
});

Deno.test("loadAgentConfig() reads the token from a file, and never shows one", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("token"), "s3cret\n");
  const config = await loadAgentConfig({ overrides: { token_file: dir.join("token") }, hostname });
  assert.equal(config.token, "s3cret");
  assert.doesNotMatch((await faults({ token: "s3cret\n" })).join(), /s3cret/);
  assert.doesNotMatch((await faults({ join_code: "s3cret\n" })).join(), /s3cret/);
});

Deno.test("durationMs() reads seconds and units", () => {
  const texts = [10, 0.5, "10", "500ms", "1.5s", "5m", " 1h ", "soon", "", "5 d", -1, NaN, true];
  assert.deepEqual(texts.map(durationMs), [
    10_000,
    500,
    10_000,
    500,
    1_500,
    300_000,
    3_600_000,
    undefined,
    undefined,
    undefined,
    -1_000,
    undefined,
    undefined,
  ]);
  assert.deepEqual([250, 1_500, 60_000, 90_000, 7_200_000].map(durationText), [
    "250 ms",
    "1.5 s",
    "1 min",
    "90 s",
    "2 h",
  ]);
});
