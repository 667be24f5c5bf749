import assert from "node:assert/strict";
import type { AddressParts } from "../../db/address.ts";
import { type Config, ConfigError, defaultDataDir, loadConfig } from "../../server/config.ts";

const DIR = new URL("../testdata/config/", import.meta.url).pathname;
const LINUX = { os: "linux", uid: 1000 } as const;
const ENV = { HOME: "/home/ann" };

function load(file: string | undefined, options: Partial<Parameters<typeof loadConfig>[0]> = {}) {
  return loadConfig({ file, env: ENV, platform: LINUX, working_dir: DIR, ...options });
}

function linesOf(run: () => unknown): string[] {
  let lines: string[] = [];
  assert.throws(run, (error) => {
    assert.ok(error instanceof ConfigError, `expected a ConfigError, got ${error}`);
    lines = error.message.split("\n");
    return true;
  });
  return lines;
}

const BAD: Record<string, string[]> = {
  "ports.bad.json": [
    'webapp.port: must be a port, a whole number from 0 to 65535: current value is "80a"',
    "database.port: must be a port, a whole number from 1 to 65535: current value is 70000",
  ],
  "unknown_keys.bad.json": [
    "webapp.prot: is not a setting, did you mean port?: current value is 8888",
    "database.pasword: is not a setting, did you mean password?",
    "port: is not a setting, did you mean webapp.port?: current value is 8888",
    "databse: is not a setting, did you mean database?",
    "colour: is not a setting, must be one of data_dir, webapp, tls, database, access, ingest, " +
    'limits, retention, aggregate, alerts, own_metrics, channels, routes, notify, log: current value is "green"',
  ],
  "types.bad.json": [
    "webapp: must be an object {…}: current value is 8888",
    "database.password: must be a password, a text (the value is not shown)",
    "ingest.queue_bytes_max: must be a number of bytes, a whole number of at least 1048576: " +
    "current value is 10.5",
    "ingest.past_days_max: must be a number of days, a whole number from 1 to 36500: " +
    "current value is null",
    "retention.raw_days: must be a number of days, a whole number from 1 to 36500: " +
    "current value is 0",
    "retention.one_day_days: must be a number of days, a whole number from 1 to 36500, or null " +
    'for ever: current value is "forever"',
    'log.level: must be one of "debug", "info", "warn", "error": current value is "verbose"',
    'log.format: must be one of "text", "json": current value is null',
  ],
  "schedule.bad.json": [
    "aggregate.grace_s: must be a number of seconds, a whole number from 0 to 3600: " +
    "current value is -1",
    'aggregate.schedule: must be a cron pattern such as "15 1-59/10 * * * *" (seconds first), or ' +
    '"never": current value is "0 0 30 2 *"',
  ],
  "rules.bad.json": [
    "retention.rules[0].metrics: must have at least one name or pattern, such as debug.*",
    "retention.rules[1].metrics: must be a list of names or patterns, such as " +
    '["debug.*"]: current value is "debug.*"',
    "retention.rules[2].raw_day: is not a setting, did you mean raw_days?",
  ],
  "rules_cross.bad.json": [
    "retention.rules[0].raw_days: must be at most five_minutes_days (180), or the finer values " +
    "would outlive the coarser: current value is 200",
    "retention.rules[1].one_day_days: must be at least one_hour_days (1095), the finer values " +
    "would outlive the coarser: current value is 30",
  ],
  "cross_checks.bad.json": [
    "ingest.body_bytes_max: must be at most ingest.queue_bytes_max (2097152), or the largest " +
    "body could never be taken: current value is 2097153",
    "retention.five_minutes_days: must be at least retention.raw_days (30), the finer values " +
    "would outlive the coarser: current value is 29",
    "retention.one_day_days: must be at least retention.one_hour_days (30), the finer values " +
    "would outlive the coarser: current value is 7",
  ],
  "host_missing.bad.json": [
    "database.host: must name the machine of your PostgreSQL when database.username is given " +
    "(without `database` the server brings its own): current value is missing",
  ],
  "url_and_host.bad.json": [
    "database.host: must not be given together with database.url, which holds it already",
  ],
  "url.bad.json": [
    "database.url: must be postgres://user:password@host:port/database (the value is not shown)",
  ],
  "sslmode.bad.json": [
    "database.url: sslmode must be one of disable, allow, prefer, require, verify-full",
  ],
  "password_file.bad.json": [
    "database.password_file: must be a readable file: there is none of this name: " +
    `current value is "${DIR}no_such_file"`,
  ],
  "password_twice.bad.json": [
    "database.password_file: must not be given together with database.password",
  ],
  "list.bad.json": ["must be an object {…} of settings"],
  "trailing_comma.bad.json": ["line 2, column 29: must be JSON, with a name in double quotes"],
  "comment.bad.json": ["line 2, column 3: must be JSON, with a name in double quotes"],
  "quotes.bad.json": [
    "line 1, column 29: must be JSON, with a value (texts in double quotes)",
  ],
  "unfinished.bad.json": ["line 2, column 1: must be JSON, with a comma or }"],
  "nothing.bad.json": ["line 1, column 1: must be JSON, with a value (texts in double quotes)"],
  "two_values.bad.json": ["line 1, column 4: must be JSON, with the end of the file"],
};

for (const [file, lines] of Object.entries(BAD)) {
  Deno.test(`loadConfig() tells all faults of ${file} and no secret`, () => {
    const told = linesOf(() => load(file));
    assert.deepEqual(told, lines.map((line) => `${file}: ${line}`));
    assert.equal(/swordfish|12345/.test(told.join("\n")), false, "a secret was shown");
  });
}

Deno.test("loadConfig() has an expectation for every bad file", () => {
  const files = [...Deno.readDirSync(DIR)].map((entry) => entry.name);
  assert.deepEqual(
    files.filter((name) => name.endsWith(".bad.json")).sort(),
    Object.keys(BAD).sort(),
  );
});

const DEFAULTS: Config = {
  data_dir: "/home/ann/.local/share/monitor",
  webapp: { host: "127.0.0.1", port: 8888, drain_s: 0, trust_proxy: [] },
  tls: {},
  database: { kind: "embedded", max_connections: 10 },
  access: { mode: "open", signatures: false, session_days: 30 },
  ingest: {
    queue_bytes_max: 67_108_864,
    body_bytes_max: 16_777_216,
    future_s_max: 600,
    past_days_max: 1_825,
  },
  limits: {
    ingest_wait_ms: 1_000,
    host_series_max: 10_000,
    hosts_max: 20_000,
    question_s: 30,
    question_blocks_max: 100_000,
    question_points_max: 500_000,
    questions_waiting_max: 50,
    client_requests_s: null,
    client_reports_s: null,
    connections_max: 10_000,
    connection_idle_s: 300,
    request_s: 120,
  },
  retention: {
    raw_days: 30,
    five_minutes_days: 180,
    one_hour_days: 1_095,
    one_day_days: null,
    rules: [],
  },
  aggregate: { grace_s: 60, schedule: "15 1-59/10 * * * *" },
  alerts: {},
  own_metrics: { every_s: 10, hostname: "monitor-server" },
  channels: {},
  routes: [],
  notify: {},
  log: { level: "info", format: "text", requests: "none" },
};

const LOCAL = {
  host: "localhost",
  port: 5432,
  username: "monitor",
  password: undefined,
  database: "monitor",
  ssl: "disable",
} as const;

function external(address: AddressParts, max_connections = 10): Config["database"] {
  return { kind: "external", address, max_connections };
}

const GOOD: Record<string, Config> = {
  "empty.good.json": DEFAULTS,
  "original.good.json": {
    ...DEFAULTS,
    database: external({
      ...LOCAL,
      username: "monitoring",
      password: "swordfish",
      database: "metrics",
    }),
  },
  "socket.good.json": {
    ...DEFAULTS,
    database: external({ ...LOCAL, host: "/var/run/postgresql" }),
  },
  "everything.good.json": {
    data_dir: `${DIR}data`,
    webapp: { host: "::", port: 9000, drain_s: 5, trust_proxy: ["10.0.0.0/8"] },
    tls: { certificate_file: `${DIR}a.pem`, key_file: `${DIR}a.key` },
    database: external({
      host: "db.example.com",
      port: 6432,
      username: "monitor",
      password: "swordfish",
      database: "metrics",
      ssl: "verify-full",
    }, 20),
    access: { mode: "required", signatures: true, session_days: 7 },
    ingest: {
      queue_bytes_max: 134_217_728,
      body_bytes_max: 1_048_576,
      future_s_max: 60,
      past_days_max: 365,
    },
    limits: {
      ingest_wait_ms: 250,
      host_series_max: 500,
      hosts_max: 50,
      question_s: 10,
      question_blocks_max: 1_000,
      question_points_max: 5_000,
      questions_waiting_max: 5,
      client_requests_s: 10,
      client_reports_s: null,
      connections_max: 100,
      connection_idle_s: 60,
      request_s: 30,
    },
    retention: {
      raw_days: 7,
      five_minutes_days: 30,
      one_hour_days: 365,
      one_day_days: 3_650,
      rules: [{ metrics: ["debug.*"], raw_days: 2 }],
    },
    aggregate: { grace_s: 0, schedule: "never" },
    alerts: { rules_file: `${DIR}alerts.yaml` },
    own_metrics: { every_s: 0, hostname: "monitor-eu" },
    channels: {},
    routes: [],
    notify: { page_url: "https://monitor.example.com/" },
    log: { level: "debug", format: "json", requests: "failed" },
  },
};

for (const [file, expected] of Object.entries(GOOD)) {
  Deno.test(`loadConfig() reads ${file}`, () => assert.deepEqual(load(file), expected));
}

Deno.test("loadConfig() has an expectation for every good file", () => {
  const files = [...Deno.readDirSync(DIR)].map((entry) => entry.name);
  assert.deepEqual(
    files.filter((name) => name.endsWith(".good.json")).sort(),
    Object.keys(GOOD).sort(),
  );
});

Deno.test("loadConfig() reads the shipped server_config.json as the embedded default", () => {
  const shipped = new URL("../../server_config.json", import.meta.url).pathname;
  assert.deepEqual(load(shipped), DEFAULTS);
});

Deno.test("loadConfig() does without a file unless one is named", () => {
  const empty = Deno.makeTempDirSync();
  try {
    assert.deepEqual(load(undefined, { working_dir: empty }), DEFAULTS);
    assert.deepEqual(linesOf(() => load("gone.json", { working_dir: empty })), [
      "gone.json: must be a readable file: there is none of this name",
    ]);
    Deno.writeTextFileSync(`${empty}/server_config.json`, '\ufeff{"webapp": {"port": 1234}}');
    assert.equal(load(undefined, { working_dir: empty }).webapp.port, 1234);
  } finally {
    Deno.removeSync(empty, { recursive: true });
  }
});

Deno.test("loadConfig() lets the command line win over the environment, that over the file", () => {
  const env = { ...ENV, MONITOR_PORT: "9001", MONITOR_WEBAPP_HOST: "::1", MONITOR_LOG_LEVEL: "" };
  const config = load("everything.good.json", { env, overrides: { port: "9002" } });
  assert.equal(config.webapp.port, 9002);
  assert.equal(config.webapp.host, "::1");
  assert.equal(config.log.level, "debug");
  assert.equal(load("everything.good.json", { env }).webapp.port, 9001);
});

Deno.test("loadConfig() uses given defaults only where nothing else is said", () => {
  const defaults = { "log.level": "warn" };
  assert.equal(load("empty.good.json", { defaults }).log.level, "warn");
  assert.equal(load("everything.good.json", { defaults }).log.level, "debug");
});

Deno.test("loadConfig() reads every setting from the environment", () => {
  const config = load("empty.good.json", {
    env: {
      ...ENV,
      MONITOR_DATA: "relative",
      MONITOR_RETENTION_ONE_DAY_DAYS: "4000",
      MONITOR_INGEST_FUTURE_S_MAX: "30",
      MONITOR_OWN_METRICS_EVERY_S: "0",
      MONITOR_DATABASE_URL: "postgresql://u:p%40ss@10.0.0.1/",
    },
  });
  assert.equal(config.data_dir, `${DIR}relative`);
  assert.equal(config.retention.one_day_days, 4000);
  assert.equal(config.ingest.future_s_max, 30);
  assert.equal(config.own_metrics.every_s, 0);
  const remote = { ...LOCAL, host: "10.0.0.1", ssl: "prefer" } as const;
  assert.deepEqual(
    config.database,
    external({ ...remote, username: "u", password: "p@ss", database: "u" }),
  );
});

Deno.test("loadConfig() lets a URL replace the address of the file, keeping its password", () => {
  const overrides = { databaseUrl: "postgres:///x?host=/run/pg&user=u" };
  assert.deepEqual(
    load("original.good.json", { overrides }).database,
    external({
      ...LOCAL,
      host: "/run/pg",
      username: "u",
      password: "swordfish",
      database: "x",
    }),
  );
});

Deno.test("loadConfig() names the variable or the option that is wrong", () => {
  const env = { ...ENV, MONITOR_PORT: "http", MONITOR_LOG_LEVLE: "info", MONITOR_SERVER: "x" };
  assert.deepEqual(
    linesOf(() => load("empty.good.json", { env, overrides: { logFormat: "xml" } })),
    [
      "environment: MONITOR_LOG_LEVLE: is not a setting, did you mean MONITOR_LOG_LEVEL?",
      "environment: MONITOR_PORT: must be a port, a whole number from 0 to 65535: " +
      'current value is "http"',
      'command line: --log-format: must be one of "text", "json": current value is "xml"',
    ],
  );
});

Deno.test("loadConfig() takes an empty section for nothing said, and an unknown one for a fault", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const defaults = { "log.level": "warn" };
    Deno.writeTextFileSync(`${dir}/a.json`, '{"log": {}, "database": {}}');
    const config = load(`${dir}/a.json`, { defaults, overrides: { logFormat: "json" } });
    assert.deepEqual(config, {
      ...DEFAULTS,
      log: { level: "warn", format: "json", requests: "none" },
    });
    Deno.writeTextFileSync(`${dir}/b.json`, '{"webap": {}}');
    assert.deepEqual(linesOf(() => load(`${dir}/b.json`)), [
      `${dir}/b.json: webap: is not a setting, did you mean webapp?`,
    ]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("loadConfig() is not led astray by keys of Object.prototype", () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/c.json`, '{"__proto__": {"port": 1}, "constructor": 2}');
    assert.match(linesOf(() => load(`${dir}/c.json`)).join("\n"), /constructor: is not a setting/);
    assert.equal("port" in {}, false);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("defaultDataDir() follows the customs of the system", () => {
  const of = (os: typeof Deno.build.os, uid: number | null, env = {}) =>
    defaultDataDir({ HOME: "/h", ...env }, { os, uid });
  assert.equal(of("linux", 0), "/var/lib/monitor");
  assert.equal(of("linux", 1000), "/h/.local/share/monitor");
  assert.equal(of("linux", 1000, { XDG_DATA_HOME: "/x" }), "/x/monitor");
  assert.equal(of("darwin", 501), "/h/Library/Application Support/monitor");
  assert.match(of("windows", null, { LOCALAPPDATA: "/l" }), /^.l.monitor$/);
});
