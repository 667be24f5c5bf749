/** `monitor script approve`: what is shown, who is asked, what is written. */
import assert from "node:assert/strict";
import { approvalFile, readApprovals } from "../../../agent/approval_file.ts";
import { scriptFolder } from "../script_folder.ts";
import { failureText, runScriptCommand } from "./run_script_command.ts";

const ONE = "export const collect = () => 1;";
const asking = (permissions: string) =>
  `export const metric = { permissions: ${permissions} }; ${ONE}`;

Deno.test("monitor script approve asks, writes, and holds until something else is declared", async () => {
  await using dir = await scriptFolder({ "users.ts": asking('{ read: ["/etc/passwd"] }') });
  const env = { MONITOR_AGENT_DATA: dir.join("data") };
  const metrics = ["--metrics", dir.path];
  const approve = (answer: boolean | undefined, ...more: string[]) =>
    runScriptCommand(["approve", "users", ...metrics, ...more], { env, answer });
  const runs = async () => (await runScriptCommand(["run", "users", ...metrics], { env })).code;

  const nobody = await approve(undefined);
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /^users \(.*users\.ts\) asks for more than the policy allows\./);
  assert.match(nobody.err, /^ {2}read {3}read files: \/etc\/passwd$/m);
  assert.match(failureText(nobody), /give --yes after you have read the above/);
  assert.equal((await approve(false)).code, 1);
  assert.equal(await runs(), 1);

  assert.match((await approve(true)).out, /^users is approved \(.*approvals\.json\)/);
  assert.equal(await runs(), 0);
  assert.match((await approve(undefined)).out, /^users is approved already, since 2025-01-15/);
  await Deno.writeTextFile(
    dir.join("users.ts"),
    `// edited\n${asking('{ read: ["/etc/passwd"] }')}`,
  );
  assert.equal(await runs(), 0, "its text may be edited");
  await Deno.writeTextFile(dir.join("users.ts"), asking('{ read: ["/etc/shadow"] }'));
  assert.equal(await runs(), 1, "what it declares may not");

  await approve(undefined, "--yes", "--exact");
  assert.equal(await runs(), 0);
  await Deno.writeTextFile(
    dir.join("users.ts"),
    `// edited\n${asking('{ read: ["/etc/shadow"] }')}`,
  );
  assert.equal(await runs(), 1, "--exact pins the text");

  const revoked = await approve(undefined, "--revoke", "--json");
  assert.deepEqual(JSON.parse(revoked.out), {
    script: "users",
    approved: false,
    permissions: { read: ["/etc/shadow"] },
  });
  assert.equal((await approve(undefined, "--revoke")).code, 2);
});

Deno.test("monitor script approve marks what escapes the sandbox, and pins its text", async () => {
  await using dir = await scriptFolder({ "df.ts": asking('{ run: ["df"], net: true }') });
  const env = { MONITOR_AGENT_DATA: dir.join("data") };
  const metrics = ["--metrics", dir.path];
  const { err } = await runScriptCommand(["approve", "df", "--yes", ...metrics], { env });
  assert.match(err, /^ {2}net {4}connect to: ALL\n {2}run {4}start programs: df$/m);
  assert.match(err, /^Trusted: what it starts or loads escapes the sandbox/m);
  await Deno.writeTextFile(dir.join("df.ts"), `// edited\n${asking('{ run: ["df"], net: true }')}`);
  const edited = await runScriptCommand(["run", "df", ...metrics], { env });
  assert.match(
    failureText(edited),
    /has changed since it was approved, and was approved as it stood/,
  );
});

Deno.test("monitor script approve refuses what cannot run, and tells when nothing is needed", async () => {
  await using dir = await scriptFolder({
    "fine.ts": asking('{ net: ["localhost:80"] }'),
    "broken.ts": "export const metric = { permissions: { run: true } };",
  });
  const env = { MONITOR_AGENT_DATA: dir.join("data") };
  const fine = await runScriptCommand(["approve", "fine", "--metrics", dir.path], { env });
  assert.deepEqual([fine.code, fine.out], [
    0,
    "fine needs no approval: the policy allows what it declares\n",
  ]);
  const broken = await runScriptCommand(["approve", "broken", "--metrics", dir.path], { env });
  assert.equal(broken.code, 1);
  assert.match(failureText(broken), /cannot be approved.*must export a function collect\(host\)/);
  assert.equal(await Deno.stat(dir.join("data")).then(() => true, () => false), false);
});

Deno.test("monitor script approve keeps what was revoked while it asked", async () => {
  await using dir = await scriptFolder({
    "first.ts": asking('{ read: ["/etc/passwd"] }'),
    "second.ts": asking('{ read: ["/etc/shadow"] }'),
  });
  const env = { MONITOR_AGENT_DATA: dir.join("data") };
  const file = approvalFile({ data_dir: dir.join("data") });
  const approve = (name: string, answer: () => boolean) =>
    runScriptCommand(["approve", name, "--metrics", dir.path], { env, answer });
  assert.equal((await approve("first", () => true)).code, 0);
  const revoked = await approve("second", () => {
    // as another terminal does it: the question waits for as long as the person likes
    const approvals = JSON.parse(Deno.readTextFileSync(file));
    delete approvals.scripts.first;
    Deno.writeTextFileSync(file, JSON.stringify(approvals));
    return true;
  });
  assert.equal(revoked.code, 0);
  assert.deepEqual([...(await readApprovals(file)).keys()], ["second"]);
});
