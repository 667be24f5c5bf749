/** What an approval is pinned to, and the file that keeps them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  approvalFile,
  ApprovalFileError,
  readApprovals,
  withApproval,
  writeApprovals,
} from "../../agent/approval_file.ts";
import { approvalFault, approve, escapesSandbox } from "../../agent/approvals.ts";
import {
  normalPermissions,
  PERMISSION_SORTS,
  type PermissionSet,
} from "../../agent/permissions.ts";
import { tempDir } from "../support/temp_dir.ts";

const now_ms = Date.UTC(2025, 0, 15);
const anyGrant = fc.oneof(
  fc.boolean(),
  fc.array(fc.constantFrom("a", "b", "/c"), { maxLength: 3 }),
);
const anySet: fc.Arbitrary<PermissionSet> = fc.record(
  Object.fromEntries(PERMISSION_SORTS.map((sort) => [sort, anyGrant])),
  { requiredKeys: [] },
);
const anyRequest = fc.record({ permissions: anySet, text_hash: fc.constantFrom("aa", "bb") });
const normal = (set: PermissionSet) => JSON.stringify(normalPermissions(set));

Deno.test("approvalFault(): an approval holds for the same permissions, and no others", () => {
  fc.assert(fc.property(anyRequest, anyRequest, fc.boolean(), (approved, asked, exact) => {
    const approval = approve(approved, { now_ms, exact });
    assert.equal(approvalFault(approval, approved), undefined);
    const same = normal(approved.permissions) === normal(asked.permissions);
    const pinned = exact || escapesSandbox(approved.permissions);
    const holds = same && (!pinned || approved.text_hash === asked.text_hash);
    assert.equal(approvalFault(approval, asked) === undefined, holds);
  }));
});

Deno.test("approvalFault() says what is different", () => {
  const read = { permissions: { read: ["/etc/passwd"] }, text_hash: "aa" };
  assert.equal(approvalFault(undefined, read), "asks for more than the policy allows");
  const approval = approve(read, { now_ms });
  assert.equal(approvalFault(approval, { ...read, text_hash: "bb" }), undefined);
  assert.equal(
    approvalFault(approval, { ...read, permissions: { read: true } }),
    "asks for other permissions than were approved (read /etc/passwd)",
  );
  const run = { permissions: { run: ["df"] }, text_hash: "aa" };
  assert.equal(
    approvalFault(approve(run, { now_ms }), { ...run, text_hash: "bb" }),
    "has changed since it was approved, and was approved as it stood",
  );
});

Deno.test("writeApprovals(): only its owner can read the file, and what was written is read", async () => {
  await using dir = await tempDir();
  const file = approvalFile({ data_dir: dir.join("agent") });
  assert.deepEqual(await readApprovals(file), new Map());
  const approval = approve({ permissions: { env: ["APP_*"] }, text_hash: "aa" }, { now_ms });
  await writeApprovals(file, withApproval(new Map(), "b", approval));
  await writeApprovals(file, withApproval(await readApprovals(file), "a", approval));
  assert.deepEqual([...await readApprovals(file)], [["a", approval], ["b", approval]]);
  const [entry, ...others] = Deno.readDirSync(dir.join("agent"));
  assert.deepEqual([entry?.name, others], ["approvals.json", []]);
  if (Deno.build.os !== "windows") assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  await writeApprovals(file, withApproval(await readApprovals(file), "b", undefined));
  assert.deepEqual([...(await readApprovals(file)).keys()], ["a"]);
});

Deno.test({
  name: "readApprovals() takes no file that others could have written",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    const file = dir.join("approvals.json");
    await writeApprovals(file, new Map());
    await Deno.chmod(file, 0o620);
    await assert.rejects(readApprovals(file), {
      name: "ApprovalFileError",
      message: `The approvals in ${file} are not taken: others may write it`,
    });
    if (Deno.uid() === 0) {
      await Deno.chmod(file, 0o600);
      await Deno.chown(file, 65_534, 65_534);
      await assert.rejects(readApprovals(file), /it belongs to another user/);
      await Deno.chown(dir.path, 65_534, 65_534);
      await writeApprovals(file, new Map());
      assert.equal((await Deno.stat(file)).uid, 65_534, "root leaves it to the folder's owner");
    }
  },
});

Deno.test("readApprovals() says what to do with a file that is none of approvals", async () => {
  await using dir = await tempDir();
  const file = dir.join("approvals.json");
  for (const text of ["", "{}", '{"version":2,"scripts":{}}', '{"version":1,"scripts":{"a":{}}}']) {
    await Deno.writeTextFile(file, text, { mode: 0o600 });
    await assert.rejects(readApprovals(file), (error) => {
      assert.ok(error instanceof ApprovalFileError);
      assert.match(error.message, /it is no file of approvals$/);
      assert.equal(error.hint, "remove it, and approve again what is needed");
      return true;
    });
  }
});
