import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { EmbeddedError } from "../../../db/embedded/error.ts";
import {
  ARCHIVE_NAME,
  type ArchiveDescription,
  DESCRIPTION_NAME,
  readDescription,
} from "../../../db/embedded/archive.ts";
import { readTar, TarError } from "../../../db/embedded/tar.ts";
import { unpackArchive } from "../../../db/embedded/unpack.ts";
import { writeTar } from "../../../tools/compile/tar.ts";
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

/** Longer than a name of a header; most bytes of the content cannot be compressed. */
const LONG_PATH = `share/${"folder/".repeat(18)}zone`;
const CONTENT = crypto.getRandomValues(new Uint8Array(60_000));

async function tarOfSample(dir: TempDir): Promise<Uint8Array<ArrayBuffer>> {
  const source = dir.join("source");
  await Deno.mkdir(`${source}/bin`, { recursive: true });
  await Deno.mkdir(`${source}/${LONG_PATH.slice(0, LONG_PATH.lastIndexOf("/"))}`, {
    recursive: true,
  });
  await Deno.writeFile(`${source}/bin/postgres`, CONTENT, { mode: 0o700 });
  await Deno.writeTextFile(`${source}/${LONG_PATH}`, "zone");
  await Deno.writeTextFile(`${source}/empty`, "");
  await Deno.symlink("postgres", `${source}/bin/link`);
  return new Uint8Array(Buffer.concat(await Array.fromAsync(writeTar(source))));
}

/** Puts an archive where a compiled program has it. */
async function pack(
  dir: TempDir,
  archive: Uint8Array,
  changes: Partial<ArchiveDescription> = {},
): Promise<string> {
  const folder = dir.join("packed");
  const sha256 = createHash("sha256").update(archive).digest("hex");
  const description = { id: "18.0-sample", sha256, bytes: archive.length, ...changes };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/${ARCHIVE_NAME}`, archive);
  await Deno.writeTextFile(`${folder}/${DESCRIPTION_NAME}`, JSON.stringify(description));
  return folder;
}

async function* inPieces(bytes: Uint8Array<ArrayBuffer>, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function rejectsAsDamaged(folder: string, target: string, reason: RegExp): Promise<void> {
  await Deno.mkdir(target);
  await assert.rejects(unpackArchive(folder, target), (error) => {
    assert(error instanceof EmbeddedError);
    assert.match(error.message, /its files in ".+" are damaged: /);
    assert.match(error.message, reason);
    assert.equal(error.hint, "download or copy the program again");
    return true;
  });
}

Deno.test("unpackArchive() unpacks files, links and long paths", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  const folder = await pack(dir, zstdCompressSync(await tarOfSample(dir)));
  const target = dir.join("target");
  await Deno.mkdir(target);
  await unpackArchive(folder, target);
  assert.deepEqual(await Deno.readFile(`${target}/bin/postgres`), CONTENT);
  assert.equal(await Deno.readLink(`${target}/bin/link`), "postgres");
  assert.equal(await Deno.readTextFile(`${target}/${LONG_PATH}`), "zone");
  assert.equal(await Deno.readTextFile(`${target}/empty`), "");
  const modes = ["bin/postgres", "empty", "bin"].map((path) =>
    (Deno.statSync(`${target}/${path}`).mode ?? 0) & 0o777
  );
  assert.deepEqual(modes, [0o755, 0o644, 0o755]);
});

Deno.test("unpackArchive() says that the program is damaged", async () => {
  await using dir = await tempDir();
  const archive = zstdCompressSync(await tarOfSample(dir));
  const bad = new Uint8Array(archive);
  bad[30_000] = (bad[30_000] ?? 0) ^ 1;
  await rejectsAsDamaged(await pack(dir, archive, { sha256: "0" }), dir.join("a"), /SHA-256/);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  await rejectsAsDamaged(await pack(dir, bad, { sha256 }), dir.join("b"), /SHA-256|checksum|zstd/i);
  await rejectsAsDamaged(await pack(dir, archive.subarray(0, 9_000)), dir.join("c"), /./);
  await rejectsAsDamaged(await pack(dir, new Uint8Array(9_000)), dir.join("d"), /./);
});

Deno.test("unpackArchive() does not call a program damaged whose files cannot be written", async () => {
  await using dir = await tempDir();
  const folder = await pack(dir, zstdCompressSync(await tarOfSample(dir)));
  await Deno.writeTextFile(dir.join("taken"), "");
  await assert.rejects(unpackArchive(folder, dir.join("taken")), (error) => {
    assert(error instanceof EmbeddedError);
    assert.match(error.message, /its files cannot be written: /);
    return true;
  });
});

Deno.test("readDescription() says so when the program was built without it", async () => {
  await using dir = await tempDir();
  await assert.rejects(readDescription(dir.path), (error) => {
    assert(error instanceof EmbeddedError);
    assert.match(error.message, /built without it, for \w+ on \w+/);
    assert.match(error.hint, /"database"/);
    return true;
  });
});

Deno.test("readTar() reads pieces of any length, and skips what is not asked for", async () => {
  await using dir = await tempDir();
  const tar = await tarOfSample(dir);
  for (const length of [1_000, 512, 77, tar.length]) {
    const paths: string[] = [];
    for await (const entry of readTar(inPieces(tar, length))) paths.push(entry.path);
    assert.deepEqual(paths, ["bin/link", "bin/postgres", "empty", LONG_PATH]);
  }
});

Deno.test("readTar() refuses what is no archive, and paths that lead out of it", async () => {
  await using dir = await tempDir();
  const tar = await tarOfSample(dir);
  const read = (bytes: Uint8Array<ArrayBuffer>) => Array.fromAsync(readTar(inPieces(bytes, 999)));
  await assert.rejects(read(tar.subarray(0, 5_000)), new TarError("it ends too early"));
  await assert.rejects(read(new Uint8Array(600).fill(65)), TarError);
  const renamed = new Uint8Array(tar);
  // the same letters in another order: the checksum stays right
  renamed.set(new TextEncoder().encode("/bin"), 0);
  const swapped = new TextDecoder().decode(renamed.subarray(0, 8));
  assert.equal(swapped, "/binlink");
  await assert.rejects(read(renamed), new TarError('"/binlink" leads out of the archive'));
});
