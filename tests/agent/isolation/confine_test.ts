/** The kernel's walls, tried by a program that has all of Deno's permissions. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { landlockVersion } from "../../../agent/isolation/landlock.ts";
import { loadLibc } from "../../../agent/isolation/libc.ts";
import type { ConfineOrder, Walls } from "../../../agent/isolation/messages.ts";
import { scriptUser } from "../../../agent/isolation/user.ts";
import { type Grants, NO_GRANTS } from "../../../agent/isolation/walls.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

const version = Deno.build.os === "linux" ? landlockVersion(loadLibc()) : 0;
const is_root = Deno.uid() === 0;
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const PROBE = path("./confined_probe.ts");
const user = is_root ? scriptUser([Deno.execPath(), PROBE]) : undefined;

/** Tries these in a process with these grants, and with the folder of the probe. */
async function attempt(
  grants: Partial<Grants>,
  attempts: readonly [what: string, argument?: string | number][],
): Promise<{ walls: Walls; results: unknown[] }> {
  const { read = [] } = grants;
  const order: ConfineOrder = {
    grants: { ...NO_GRANTS, ...grants, read: read === true ? true : [...read, PROBE] },
    landlock: true,
    lid_bytes: 0,
    is_root,
    user,
  };
  const asked = attempts.map(([what, argument = ""]) => [what, String(argument)]);
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", path("./confined.ts")],
      ...[JSON.stringify(order), JSON.stringify(asked)],
    ],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

async function folder(): Promise<TempDir> {
  const dir = await tempDir();
  await Deno.mkdir(dir.join("in"));
  await Deno.mkdir(dir.join("out"));
  for (const name of ["in/a", "in/b", "out/a"]) await Deno.writeTextFile(dir.join(name), name);
  return dir;
}

const kernel = (name: string, fn: () => Promise<void>, wanted = 1) =>
  Deno.test(`the kernel ${name}`, { ignore: version < wanted }, fn);

kernel("lets a process read what it was granted, and nothing beside it", async () => {
  await using dir = await folder();
  // only root's, as logs are
  await Deno.chmod(dir.join("in/a"), 0o600);
  await Deno.symlink(dir.join("out/a"), dir.join("in/link"));
  const { results, walls } = await attempt({ read: [dir.join("in/a")] }, [
    ["read", dir.join("in/a")],
    ["read", dir.join("in/b")],
    ["read", dir.join("in/link")],
    ["read", "/etc/passwd"],
    ["list", dir.join("in")],
    ["list", "/"],
    ["append", dir.join("in/a")],
    ["write", dir.join("in/new")],
    ["remove", dir.join("in/b")],
  ]);
  assert.deepEqual(results, ["in/a", ...Array(8).fill("PermissionDenied")]);
  assert.equal(walls.landlock, version);
});

kernel("opens folders with what is in them, and no way out of them", async () => {
  await using dir = await folder();
  if (user !== undefined) await Deno.chown(dir.join("in"), user.uid, user.gid);
  await Deno.symlink(dir.join("out/a"), dir.join("in/link"));
  const { results } = await attempt({ read: [dir.join("in")], write: [dir.join("in")] }, [
    ["list", dir.join("in")],
    ["read", dir.join("in/b")],
    ["write", dir.join("in/new")],
    ["read", dir.join("in/new")],
    ["remove", dir.join("in/new")],
    ["read", dir.join("in/link")],
    ["append", dir.join("in/link")],
    ["read", dir.join("in/../out/a")],
  ]);
  const [list, ...others] = results;
  assert.deepEqual(list, ["a", "b", "link"]);
  assert.deepEqual(others, [
    "in/b",
    "done",
    "written",
    "done",
    ...Array(3).fill("PermissionDenied"),
  ]);
  assert.equal(await Deno.readTextFile(dir.join("out/a")), "out/a");
});

kernel("starts no program, and no process is touched", async () => {
  const { results } = await attempt({ read: true, write: true }, [
    ["execute", "/bin/true"],
    ["execute", "/bin/sh"],
    ["signal", Deno.pid],
  ]);
  assert.deepEqual(results.slice(0, 2), ["PermissionDenied", "PermissionDenied"]);
  if (version >= 6 || is_root) assert.equal(results[2], "PermissionDenied");
});

kernel("shows nothing of other processes", async () => {
  const { results } = await attempt({}, [
    ["read", `/proc/${Deno.pid}/environ`],
    ["read", `/proc/${Deno.pid}/cmdline`],
    ["read", "/proc/1/cmdline"],
    ["list", "/proc"],
  ]);
  assert.deepEqual(results, Array(4).fill("PermissionDenied"));
});

kernel("holds TCP to the ports that were granted", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept().then((connection) => connection.close());
  const { port } = listener.addr;
  const { results, walls } = await attempt({ ports: [port] }, [
    ["connect", port],
    ["connect", other.addr.port],
    ["listen", other.addr.port],
    ["listen", 0],
  ]);
  await accepted;
  assert.deepEqual(results, ["done", ...Array(3).fill("PermissionDenied")]);
  assert.ok(walls.tcp);
}, 4);

Deno.test("a process without network makes no sockets, whatever the kernel's Landlock knows", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using dir = await tempDir();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using unix = Deno.listen({ transport: "unix", path: dir.join("socket") });
  const tries: [string, string | number][] = [
    ["connect", listener.addr.port],
    ["listen", 0],
    ["udp", ""],
    ["socket", unix.addr.path],
  ];
  const none = await attempt({}, [...tries, ["interfaces", ""]]);
  if (!none.walls.calls) return;
  // the probe's own file is granted, and a file may be a socket
  assert.deepEqual(none.results.slice(0, 3), Array(3).fill("PermissionDenied"));
  assert.equal(none.results[4], true, "what the system says of itself is still there");
  const accepted = listener.accept().then((connection) => connection.close());
  const all = await attempt({ ports: true }, tries.slice(0, 3));
  await accepted;
  assert.deepEqual(all.results, Array(3).fill("done"));
});

Deno.test("a process of collectors is not root, whoever the agent is", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const { results, walls } = await attempt({}, [["uid"], ["powers"]]);
  const own = [Deno.uid(), Deno.gid()];
  assert.deepEqual(results[0], user === undefined ? own : [user.uid, user.gid]);
  // the probe's own file is granted, so that it may read past the mode of files
  assert.equal(results[1], is_root ? "0000000000000004" : "0000000000000000");
  assert.equal(walls.uid, is_root ? user?.uid ?? 0 : undefined);
});
