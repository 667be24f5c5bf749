import assert from "node:assert/strict";
import { agentConfigSchema } from "../../../agent/config.ts";
import { configSchema, fileSchema } from "../../../server/config/schema.ts";
import { firstConfig, unitText } from "../../../server/installation/units.ts";

Deno.test("unitText() starts the program as its own user, with little it may do", () => {
  for (const [name, command] of [["server", "serve"], ["agent", "agent"]] as const) {
    const text = unitText(name, { program: "/usr/bin/monitor" });
    assert.match(text, new RegExp(`^ExecStart=/usr/bin/monitor ${command} --config /etc/`, "m"));
    for (
      const line of [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "KillMode=mixed",
        "ExecReload=kill -HUP $MAINPID",
        "RestartPreventExitStatus=2",
      ]
    ) assert.ok(text.split("\n").includes(line), `${line} is missing`);
    // V8 cannot run with it
    assert.doesNotMatch(text, /MemoryDenyWriteExecute/);
    const sections = [...text.matchAll(/^\[(\w+)\]$/gm)].map(([, section]) => section);
    assert.deepEqual(sections, ["Unit", "Service", "Install"]);
    const odd = text.split("\n").filter((line) => !/^(#.*|\[\w+\]|[A-Z]\w+=.*|)$/.test(line));
    assert.deepEqual(odd, []);
  }
  const [user] = ["server", "agent"].map((name) =>
    /^User=(.*)$/m.exec(unitText(name as "server" | "agent", { program: "/m" }))?.[1]
  );
  assert.notEqual(user, /^User=(.*)$/m.exec(unitText("agent", { program: "/m" }))?.[1]);
});

Deno.test("unitText() writes odd paths so that systemd reads them back", () => {
  const text = unitText("agent", { program: '/opt/a b/100%/$HOME/"x"' });
  assert.match(text, /^ExecStart="\/opt\/a b\/100%%\/\$\$HOME\/\\"x\\"" agent /m);
});

Deno.test("firstConfig() is one that server and agent take", () => {
  const server = JSON.parse(firstConfig("server", { host: "0.0.0.0", port: 9000 }));
  assert.deepEqual(server.webapp, { host: "0.0.0.0", port: 9000 });
  assert.ok(fileSchema.safeParse(server).success);
  assert.ok(configSchema.safeParse(server).success, "it would not start");
  assert.ok(fileSchema.safeParse(JSON.parse(firstConfig("server", {}))).success);
  const agent = JSON.parse(firstConfig("agent", { server: "http://a:1" }));
  assert.equal(agent.server, "http://a:1");
  assert.ok(agentConfigSchema.safeParse({ hostname: "h", ...agent }).success);
});
