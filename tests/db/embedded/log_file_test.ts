import assert from "node:assert/strict";
import { LogFile } from "../../../db/embedded/log_file.ts";
import { tempDir } from "../../support/temp_dir.ts";

function stream(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts).pipeThrough(new TextEncoderStream());
}

Deno.test("LogFile.pump() keeps one older file and limits both", async () => {
  await using dir = await tempDir();
  const path = dir.join("postgres.log");
  await new LogFile(path, 10).pump(stream("first line\n", "second line\n", "third"));
  assert.equal(await Deno.readTextFile(path), "third");
  assert.equal(await Deno.readTextFile(`${path}.1`), "second line\n");
});

Deno.test("LogFile.pump() appends to the file of an earlier run", async () => {
  await using dir = await tempDir();
  const path = dir.join("postgres.log");
  await new LogFile(path).pump(stream("one\n"));
  await new LogFile(path).pump(stream("two\n"));
  assert.equal(await Deno.readTextFile(path), "one\ntwo\n");
});

Deno.test("LogFile.lastFault() gives the reason without time and process id", async () => {
  await using dir = await tempDir();
  const log = new LogFile(dir.join("postgres.log"));
  const seen: string[] = [];
  await log.pump(
    stream("2025-01-15 UTC [7] FATAL:  could not ", "open it\n2025-01-15 UTC [7] LOG:  bye\n"),
    (line) => seen.push(line),
  );
  assert.equal(log.lastFault(), "could not open it");
  assert.equal(seen.length, 2);
  log.forget();
  assert.equal(log.lastFault(), undefined);
});

Deno.test("LogFile.pump() goes on when the file cannot be written", async () => {
  await using dir = await tempDir();
  const log = new LogFile(dir.join("missing", "postgres.log"));
  await log.pump(stream("ERROR:  kept in memory\n"));
  assert.equal(log.lastFault(), "kept in memory");
});
