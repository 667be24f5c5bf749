/** Tokens as a person uses them: a server that lets nobody in without one, and the way in. */
import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { monitorCommand, runMonitor, startMonitor, watchMonitor } from "./run_monitor.ts";

const REQUIRED = { MONITOR_ACCESS_MODE: "required" };

Deno.test("monitor serve for other machines does not start without tokens, and says what to do", async () => {
  await using dir = await tempDir();
  for (const host of ["0.0.0.0", "::", "192.0.2.1"]) {
    const args = ["serve", "--host", host, "--port", "0", "--data", dir.join("data")];
    const { code, out, err } = await runMonitor(args);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, /access\.mode: must be "required".*token create --role admin --label me/);
    assert.equal(err.trimEnd().split("\n").length, 1, err);
  }
});

Deno.test("monitor token: made before the first start, used, taken back, and found in the audit", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.join("data")];
  const env = { ...REQUIRED, USER: "ada", SUDO_USER: "" };
  const made = await runMonitor(["token", "create", "--role", "admin", "--label", "me", ...data], {
    env,
  });
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, /^mon_\w{8}_[\w-]{43}\n$/);
  const token_file = dir.join("token");
  await Deno.writeTextFile(token_file, made.out);
  await using server = await startMonitor(["serve", "--port", "0", ...data], { env: REQUIRED });
  const hosts = (with_env: Record<string, string>) =>
    runMonitor(["hosts", "--json", "--server", server.url], { env: with_env });
  const without = await hosts({});
  assert.deepEqual([without.code, without.out], [1, ""]);
  assert.match(without.err, /Authorization: Bearer/);
  assert.deepEqual(await hosts({ MONITOR_TOKEN_FILE: token_file }), {
    code: 0,
    out: "[]\n",
    err: "",
  });

  // beside the running server, which then knows of it
  const agent = await runMonitor(
    [..."token create --role agent --label web-1 --hostname web-1 --json".split(" "), ...data],
    { env },
  );
  const { name, token } = JSON.parse(agent.out);
  const report = (hostname: string) =>
    fetch(`${server.url}/metrics`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ hostname, metrics: { cpu: 1 } }),
    }).then(async (response) => {
      await response.body?.cancel();
      return response.status;
    });
  assert.deepEqual([await report("web-1"), await report("web-2")], [200, 403]);
  assert.equal((await runMonitor(["token", "revoke", name, ...data], { env })).code, 0);
  while (await report("web-1") === 200);
  assert.equal(await report("web-1"), 401);
  const listed = await runMonitor(["token", "list", ...data]);
  assert.match(listed.out, new RegExp(`${name} +agent +web-1 +web-1 .*revoked`));
  const link = await runMonitor(["token", "link", made.out.slice(0, 12), ...data], { env });
  assert.equal(link.code, 0, link.err);
  const unknown = await runMonitor(["token", "revoke", "mon_nobody", ...data]);
  assert.deepEqual([unknown.code, unknown.out], [1, ""]);

  const audit = await runMonitor(["audit", "--who", "ada", "--json", ...data]);
  const entries: Record<string, string>[] = JSON.parse(audit.out);
  assert.deepEqual(entries.map(({ action }) => action), [
    "token link",
    "token revoke",
    "token create",
    "token create",
  ]);
  assert.equal(entries[1]?.target, name);
  const secret = link.out.trim().split("#").at(-1) ?? "";
  assert.ok(secret.length > 20 && !audit.out.includes(secret), "a link is shown");
  for (const text of [audit.out, listed.out, server.err, server.out]) {
    assert.ok(!text.includes(token) && !text.includes(made.out.trim()), "a secret is shown");
  }
});

Deno.test("monitor up with tokens lets its own agent in, and nobody else", async () => {
  await using dir = await tempDir();
  await using up = await startMonitor(["up", "--port", "0", "--data", dir.join("data")], {
    env: REQUIRED,
  });
  await up.line(/^stop /);
  const refused = await fetch(`${up.url}/fetch/hosts`);
  await refused.body?.cancel();
  assert.equal(refused.status, 401);
  const env = { USER: "ada" };
  const { out } = await runMonitor(
    ["token", "create", "--role", "viewer", "--label", "look", "--data", dir.join("data")],
    { env },
  );
  const headers = { authorization: `Bearer ${out.trim()}` };
  const hosts = async () => (await (await fetch(`${up.url}/fetch/hosts`, { headers })).json());
  while ((await hosts()).length === 0);
  assert.equal((await hosts()).length, 1);
});

Deno.test("monitor token join-code: an agent gets a token of its own, keeps it, and another gets none", async () => {
  await using dir = await tempDir();
  const data = ["--data", dir.join("data")];
  const made = await runMonitor(["token", "join-code", "--hostname", "web-1", ...data]);
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, /^join_\w{8}_[\w-]{43}\n$/);
  assert.match(made.err, /MONITOR_AGENT_JOIN/);
  const port = freePort();
  const agent = (name: string, env: Record<string, string> = {}, more: string[] = []) => {
    const args = ["agent", "--server", `http://127.0.0.1:${port}`, "--hostname", "web-1", ...more];
    return watchMonitor(
      monitorCommand([...args, "--data", dir.join(name), "--interval", "1"], { env }).spawn(),
    );
  };
  const env = { MONITOR_AGENT_JOIN: made.out.trim() };
  await using first = agent("first", env);
  // without a server it collects, and waits
  await first.line(/Cannot join; reports are kept/);
  await using server = await startMonitor(["serve", "--port", String(port), ...data], {
    env: { ...REQUIRED, MONITOR_ACCESS_SIGNATURES: "true" },
  });
  await first.line(/Agent has joined/);
  const viewer = await runMonitor(
    ["token", "create", "--role", "viewer", "--label", "look", ...data],
  );
  const headers = { authorization: `Bearer ${viewer.out.trim()}` };
  const stored = async (): Promise<string> => {
    const found = await (await fetch(`${server.url}/fetch/latest`, { headers })).json();
    return JSON.stringify(found);
  };
  while (!(await stored()).includes("web-1"));
  await using second = agent("second", env);
  await second.line(/used once, which is all; make another one.*token join-code/);
  first.kill("SIGKILL");
  await first.ended;
  // its code is not needed any more, and its token is not sent
  await Deno.writeTextFile(dir.join("agent.json"), '{"sign": true}');
  await using again = agent("first", {}, ["--config", dir.join("agent.json")]);
  const before = await stored();
  while (await stored() === before);
  const listed = await runMonitor(["token", "join-codes", ...data]);
  assert.match(listed.out, new RegExp(`${made.out.slice(0, 13)} +web-1 +0 of 1 .*used`));
  const name = made.out.slice(0, 13);
  assert.equal((await runMonitor(["token", "revoke", name, ...data])).code, 0);
  for (const text of [first, second, again, server].map(({ out, err }) => out + err)) {
    assert.ok(!text.includes(made.out.trim()), "the code is shown");
  }
});
