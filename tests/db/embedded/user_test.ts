import assert from "node:assert/strict";
import { EmbeddedError } from "../../../db/embedded/error.ts";
import { SOCKET_PATH_BYTES_MAX, socketDirectory } from "../../../db/embedded/listen.ts";
import { npmPostgresFiles } from "../../../db/embedded/npm_package.ts";
import { resolveUser, userIds } from "../../../db/embedded/user.ts";
import { tempDir } from "../../support/temp_dir.ts";

const root_only = { ignore: Deno.build.os === "windows" || Deno.uid() !== 0 };

Deno.test("userIds() finds a user in /etc/passwd", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533::/:/sbin/nologin\nodd:*:-2:-2\n";
  assert.deepEqual(userIds(passwd, "nobody"), { uid: 65534, gid: 65533 });
  assert.deepEqual(userIds(passwd, "odd"), { uid: 4294967294, gid: 4294967294 });
  assert.equal(userIds(passwd, "body"), undefined);
});

Deno.test("resolveUser() goes on as the owner of the data directory", root_only, async () => {
  await using dir = await tempDir();
  await Deno.chown(dir.path, 1234, 4321);
  const user = await resolveUser(dir.path, dir.join("cluster"));
  assert.deepEqual(user, { uid: 1234, gid: 4321 });
});

Deno.test("resolveUser() prefers the owner of the cluster", root_only, async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("cluster"));
  await Deno.chown(dir.join("cluster"), 77, 88);
  assert.deepEqual(await resolveUser(dir.path, dir.join("cluster")), { uid: 77, gid: 88 });
});

Deno.test("resolveUser() changes nothing for an ordinary user, on a cluster of its own", {
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
}, async () => {
  await using dir = await tempDir();
  assert.equal(await resolveUser(dir.path, dir.join("cluster")), undefined);
  await assert.rejects(resolveUser(dir.path, "/etc"), EmbeddedError);
});

Deno.test("socketDirectory() is in the data directory unless the path is too long", () => {
  assert.equal(socketDirectory("/var/lib/monitor/postgres"), "/var/lib/monitor/postgres/socket");
  const long = socketDirectory(`/${"d".repeat(SOCKET_PATH_BYTES_MAX)}`);
  assert.match(long, /monitor-[0-9a-f]{16}$/);
  assert(`${long}/.s.PGSQL.5432`.length <= SOCKET_PATH_BYTES_MAX);
  assert.notEqual(socketDirectory(`/${"e".repeat(SOCKET_PATH_BYTES_MAX)}`), long);
});

Deno.test("npmPostgresFiles() names the build, and says when there is none", () => {
  const { id } = npmPostgresFiles({ os: "darwin", arch: "aarch64" });
  assert.match(id, /^18\..*-darwin-arm64$/);
  assert.throws(() => npmPostgresFiles({ os: "freebsd", arch: "x86_64" }), EmbeddedError);
});
