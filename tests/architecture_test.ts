/**
 * Who may import whom, as data, and a walk over the real graph. Arrows point from the outside in:
 * main → command → serve → step → db. Steps meet in tables and queues and do not call each other.
 * A change of this table is a change of the design: docs/ARCHITECTURE.md says the same in words.
 */
import assert from "node:assert/strict";
import { importsOf, listFiles, type ModuleImport } from "./support/modules.ts";

// what tokens and signatures by them look like: both sides make some
const SHARED = ["report.ts", "clock.ts", "log.ts", "token.ts", "signature.ts", "unreachable.ts"];

interface Rule {
  /** A file, or a folder with `/` at its end. The first rule that fits a file counts. */
  from: string;
  /** Files and folders it may import. */
  may: string[];
  /** … and what it may import types from, where that is more. */
  may_types?: string[];
}

const RULES: Rule[] = [
  ...SHARED.map((from) => ({ from, may: [] })),
  // collectors run in a sandbox, which loads nothing but the collector itself
  { from: "metrics/", may: [], may_types: ["agent/", ...SHARED] },
  { from: "agent/", may: ["agent/", ...SHARED] },
  { from: "db/", may: ["db/", ...SHARED] },
  {
    // a command is next to what it starts, and talks to the person at the terminal
    from: "server/aggregate/command.ts",
    may: ["server/aggregate/", "server/cli/", "db/", ...SHARED],
    may_types: ["server/config.ts"],
  },
  {
    // says what db/backup/ does with the database that the settings name
    from: "server/backup/",
    may: [
      "server/backup/",
      "server/cli/",
      "server/open_database.ts",
      "db/",
      ...SHARED,
    ],
    may_types: ["server/config.ts"],
  },
  {
    // the same: rules and incidents by the API, scenarios without a server
    from: "server/alerts/command",
    may: ["server/alerts/", "server/cli/", ...SHARED],
  },
  {
    // a downtime and the hours of a route are the same calendar; both are pure
    from: "server/notify/",
    may: [
      "server/notify/",
      "server/metrics/",
      "server/alerts/calendar.ts",
      "server/alerts/downtime.ts",
      "server/wire/glob.ts",
      "db/",
      ...SHARED,
    ],
  },
  ...["ingest", "aggregate", "query"].map((step) => ({
    from: `server/${step}/`,
    may: [`server/${step}/`, "server/metrics/", "server/retention.ts", "db/", ...SHARED],
  })),
  // how long what is kept: a pure rule that ingest, aggregation and questions agree on
  { from: "server/retention.ts", may: ["server/wire/glob.ts", "db/tiers.ts"] },
  {
    from: "server/alerts/",
    may: [
      "server/alerts/",
      "server/metrics/",
      "server/query/",
      "server/wire/glob.ts",
      "db/",
      ...SHARED,
    ],
  },
  {
    from: "server/http/",
    may: [
      "server/http/",
      "server/access/",
      "server/wire/",
      "server/metrics/",
      "server/ingest/queue.ts",
      "server/query/",
      "server/alerts/",
      "db/",
      ...SHARED,
    ],
  },
  // the server's own numbers: a registry that steps give theirs to, and two ways to read it; no I/O
  {
    from: "server/metrics/",
    may: ["server/metrics/", "server/wire/prometheus.ts"],
    may_types: ["report.ts"],
  },
  // samples and answers as text, written by server/http and read by server/cli: no I/O
  { from: "server/wire/", may: ["server/wire/", "server/config/json_fault.ts", ...SHARED] },
  // puts data into a running server as any sender does: import and simulate
  { from: "server/feed/", may: ["server/feed/", "server/wire/", ...SHARED] },
  // the forms of answers, and the patterns that select hosts: the page decides as the server does
  { from: "server/web/", may: ["server/web/", "server/wire/glob.ts"], may_types: ["server/wire/"] },
  {
    // each kind of channel has its own settings beside it
    from: "server/config",
    may: [
      "server/config/",
      "server/retention.ts",
      "server/notify/channels.ts",
      "server/notify/fields.ts",
      "server/notify/route.ts",
      "db/address.ts",
      ...SHARED,
    ],
  },
  { from: "server/cli/", may: ["server/cli/", "server/wire/", "server/feed/", ...SHARED] },
  // what a server knows of itself
  {
    from: "server/self/",
    may: ["server/self/", "server/metrics/", "db/", ...SHARED],
    may_types: ["server/wire/"],
  },
  { from: "server/background.ts", may: ["db/", ...SHARED] },
  // what servers of one database tell each other
  { from: "server/exchange/", may: ["server/exchange/", "server/metrics/", "db/", ...SHARED] },
  {
    from: "server/start_exchange.ts",
    may: ["server/exchange/", "server/http/incident_news.ts", "server/metrics/", "db/", ...SHARED],
    may_types: ["server/alerts/", "server/query/"],
  },
  {
    from: "server/start_notify.ts",
    may: ["server/alerts/", "server/http/", "server/metrics/", "server/notify/", "db/", ...SHARED],
    may_types: ["server/config.ts"],
  },
  {
    // a command is next to what it starts, and talks to the person at the terminal
    from: "server/access/command",
    may: ["server/access/", "server/cli/", "server/alerts/duration.ts", "db/", ...SHARED],
  },
  { from: "server/access/", may: ["server/access/", "db/", ...SHARED] },
  {
    from: "server/start_access.ts",
    may: ["server/access/", "server/http/", "db/", ...SHARED],
    may_types: ["server/config.ts"],
  },
  { from: "server/certificate/", may: ["server/certificate/", "server/cli/", ...SHARED] },
  {
    from: "server/start_listening.ts",
    may: ["server/certificate/", "server/http/", ...SHARED],
    may_types: ["server/config.ts", "server/metrics/"],
  },
  {
    from: "server/start_ingest.ts",
    may: [
      "server/ingest/",
      "server/http/rate.ts",
      "server/metrics/",
      "server/retention.ts",
      "db/",
      ...SHARED,
    ],
    may_types: ["server/http/", "server/query/", "server/config.ts"],
  },
  {
    from: "server/start_reading.ts",
    may: ["server/query/", "server/metrics/", "server/retention.ts", "db/", ...SHARED],
    may_types: ["server/config.ts"],
  },
  {
    from: "server/start_self.ts",
    may: ["server/self/", "server/metrics/", "db/", ...SHARED],
    may_types: ["server/config.ts"],
  },
  { from: "server/stray_failures.ts", may: ["db/sqlstate.ts", ...SHARED] },
  {
    from: "server/reload.ts",
    may: ["server/alerts/", "server/config/live.ts", "db/sqlstate.ts", ...SHARED],
    may_types: ["server/config.ts", "server/start_notify.ts"],
  },
  {
    from: "server/serve.ts",
    may: [
      "server/background.ts",
      "server/reload.ts",
      ...["access", "exchange", "ingest", "listening", "notify", "reading", "self"].map((part) =>
        `server/start_${part}.ts`
      ),
      ...[
        "http",
        "wire",
        "ingest",
        "aggregate",
        "query",
        "alerts",
        "notify",
        "web",
        "metrics",
      ]
        .map((step) => `server/${step}/`),
      "server/config.ts",
      "server/retention.ts",
      "db/",
      ...SHARED,
    ],
  },
  {
    from: "server/start_failure.ts",
    may: ["server/cli/failure.ts", "server/config.ts", "db/address.ts"],
  },
  {
    from: "server/open_database.ts",
    may: [
      "server/start_failure.ts",
      "server/config.ts",
      "server/cli/failure.ts",
      "db/connect.ts",
      "db/database.ts",
      "db/embedded/inspect.ts",
      ...SHARED,
    ],
  },
  {
    // starts server and agent side by side: the only place that knows both
    from: "server/foreground.ts",
    may: [
      ...["serve", "reload", "start_failure", "stray_failures", "config"].map((part) =>
        `server/${part}.ts`
      ),
      ...["server/cli/", "db/address.ts"],
      "agent/agent.ts",
      "agent/config.ts",
      "agent/credential.ts",
      "agent/spool/settings.ts",
      ...SHARED,
    ],
    may_types: ["server/command.ts", "server/start_access.ts"],
  },
  {
    from: "server/command.ts",
    may: [
      "server/aggregate/command.ts",
      "server/foreground.ts",
      "server/open_database.ts",
      "server/config.ts",
      "server/cli/",
      ...SHARED,
    ],
    may_types: ["db/database.ts"],
  },
  {
    // the program on its machine, looked at from outside: knows the settings of both
    from: "server/installation/",
    may: [
      "server/installation/",
      ...["server/cli/", "server/wire/ready.ts"],
      ...["server/certificate/", "server/config.ts", "server/start_failure.ts"],
      "agent/config.ts",
      ...["agent/credential_choice.ts", "agent/once.ts", "agent/server_trust.ts"],
      "db/",
      ...SHARED,
    ],
  },
  {
    from: "main.ts",
    may: [
      "server/command.ts",
      ...["server/access/command.ts", "server/certificate/command.ts"],
      "server/alerts/command.ts",
      "server/backup/command.ts",
      "server/installation/command.ts",
      // where an installed agent has its settings
      "server/installation/place.ts",
      "agent/command.ts",
      "agent/script/command.ts",
      "db/command.ts",
      // the process that holds collectors
      "agent/isolation/entry.ts",
      // the process in which a compiled program unpacks PostgreSQL
      "db/embedded/packed.ts",
      "server/cli/",
      "deno.json",
      ...SHARED,
    ],
  },
  // helpers for building and testing; nothing of the program needs them
  { from: "tools/", may: ["tools/", "db/", "server/", "agent/", "tests/support/", ...SHARED] },
  { from: "tests/", may: [""] },
];

/** Libraries that belong to one layer. All others may be used anywhere. */
const LIBRARIES: Record<string, string[]> = {
  postgres: ["db/"],
  hono: ["server/http/", "server/serve.ts"],
  "@commander-js/extra-typings": [
    "server/cli/",
    "server/command.ts",
    "server/aggregate/command.ts",
    ...["server/access/command.ts", "server/certificate/command.ts"],
    "server/alerts/command.ts",
    "server/backup/command.ts",
    "server/installation/command.ts",
    ...["agent/command.ts", "agent/script/command.ts"],
    "db/command.ts",
    "main.ts",
  ],
  nodemailer: ["server/notify/email.ts"],
  "fast-check": [],
  "smtp-server": [],
};

const starts = (path: string, prefixes: readonly string[]) =>
  prefixes.some((prefix) => path.startsWith(prefix));

/** Imports of our own files begin with a top-level name; everything else is a library. */
const isOurs = (path: string) =>
  /^[\w.-]+\.(ts|json)$|^(?!node:|jsr:|npm:|@)[\w.-]+\/.*\.\w+$/.test(path);

function faultOf({ from, to, type_only }: ModuleImport): string | undefined {
  const rule = RULES.find((one) => from.startsWith(one.from));
  const edge = `${from} must not import ${to}`;
  if (rule === undefined) return `${from} has no rule: add its place to RULES`;
  if (!isOurs(to)) {
    const [library = ""] = Object.keys(LIBRARIES)
      .filter((name) => to === name || to.startsWith(`${name}/`));
    const owners = LIBRARIES[library];
    if (rule.from === "metrics/") return `${edge}: collectors import nothing at run time`;
    if (owners === undefined || from.startsWith("tests/") || starts(from, owners)) return undefined;
    return `${edge}: only ${owners.join(", ") || "tests/"} may`;
  }
  if (starts(to, rule.may)) return undefined;
  if (type_only && starts(to, rule.may_types ?? [])) return undefined;
  return `${edge}: ${rule.from} may import ${rule.may.join(", ") || "libraries only"}`;
}

/** Every ring of imports that are really loaded, as `a → b → a`. */
function cycles(imports: readonly ModuleImport[]): string[] {
  const next = Map.groupBy(imports.filter((edge) => !edge.type_only), (edge) => edge.from);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const edge of next.get(file) ?? []) visit(edge.to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

const imports = await importsOf(listFiles(".ts").concat(listFiles(".tsx")));

Deno.test("architecture: imports follow the table", () => {
  assert.ok(imports.length > 50, `only ${imports.length} imports were found`);
  assert.deepEqual(imports.map(faultOf).filter((fault) => fault !== undefined), []);
});

Deno.test("architecture: no module imports itself by way of others", () => {
  assert.deepEqual(cycles(imports), []);
});

Deno.test("architecture: the check names both files of a wrong import", () => {
  const edge = (from: string, to: string, type_only = false) => faultOf({ from, to, type_only });
  const wrong: [string, string][] = [
    ["agent/agent.ts", "server/config.ts"],
    ["db/hosts.ts", "server/query/latest.ts"],
    ["server/ingest/queue.ts", "server/query/latest.ts"],
    ["server/query/latest.ts", "server/alerts/rule.ts"],
    ["server/http/router.ts", "server/ingest/writer.ts"],
    ["server/query/latest.ts", "postgres"],
    ["server/ingest/queue.ts", "hono/body-limit"],
    ["report.ts", "clock.ts"],
    ["metrics/disk.ts", "node:fs"],
    ["metrics/disk.ts", "agent/host.ts"],
    ["server/serve.ts", "tests/support/fake_clock.ts"],
    ["lib/drawer.ts", "clock.ts"],
  ];
  for (const [from, to] of wrong) {
    const fault = edge(from, to);
    assert.ok(fault?.includes(from), `${from} → ${to} was allowed`);
    if (from !== "lib/drawer.ts") assert.ok(fault?.includes(to), fault);
  }
  assert.equal(edge("metrics/disk.ts", "agent/host.ts", true), undefined);
  assert.equal(edge("server/http/router.ts", "hono"), undefined);
  assert.equal(edge("tests/db/hosts_test.ts", "fast-check"), undefined);
});

Deno.test("architecture: the check sees a ring, and not one of types", () => {
  const ring = [
    { from: "a.ts", to: "b.ts", type_only: false },
    { from: "b.ts", to: "c.ts", type_only: false },
    { from: "c.ts", to: "a.ts", type_only: false },
  ];
  assert.deepEqual(cycles(ring), ["a.ts → b.ts → c.ts → a.ts"]);
  assert.deepEqual(cycles(ring.map((edge, index) => ({ ...edge, type_only: index === 1 }))), []);
});
