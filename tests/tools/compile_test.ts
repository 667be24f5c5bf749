import assert from "node:assert/strict";
import { dataFiles, placesIn } from "../../tools/compile/stage.ts";
import { targetNamed } from "../../tools/compile/target.ts";
import { denortPackage, elfLength } from "../../tools/denort.ts";

Deno.test("targetNamed() knows the targets of deno compile, and this machine's without a name", () => {
  assert.deepEqual(targetNamed("aarch64-apple-darwin"), {
    name: "aarch64-apple-darwin",
    os: "darwin",
    arch: "aarch64",
    ending: "",
  });
  const { os, arch } = targetNamed();
  assert.deepEqual([os, arch], [Deno.build.os, Deno.build.arch]);
  assert.throws(() => targetNamed("vax"), /Cannot compile for "vax": known targets are x86_64-/);
});

Deno.test("denortPackage() has a fallback for Linux, with a fixed version", () => {
  assert.match(denortPackage(targetNamed("x86_64-unknown-linux-gnu")) ?? "", /@\d+\.\d+\.\d+$/);
  assert.equal(denortPackage(targetNamed("x86_64-pc-windows-msvc")), undefined);
});

Deno.test("elfLength() ends behind the section headers", () => {
  const file = new Uint8Array(5_000);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const view = new DataView(file.buffer);
  view.setBigUint64(0x28, 1_000n, true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 10, true);
  assert.equal(elfLength(file), 1_640);
  assert.throws(() => elfLength(new TextEncoder().encode("#!/bin/sh\n".repeat(10))), /ELF/);
  assert.throws(() => elfLength(new Uint8Array(10)), /ELF/);
});

Deno.test("placesIn() finds modules that are loaded by their place", () => {
  const text = `
    new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const entry = new URL(
      "../cell/entry.ts",
      import.meta.url,
    );
    new URL("./monitor.d.ts", import.meta.url); new URL("../metrics/", import.meta.url);`;
  assert.deepEqual(placesIn("agent/sandbox/start.ts", text), [
    "agent/sandbox/worker.ts",
    "agent/cell/entry.ts",
  ]);
});

Deno.test("dataFiles() takes what lies beside the modules and is none", () => {
  const files = [
    "LICENSE",
    "main.ts",
    "agent/agent.ts",
    "agent/monitor.d.ts",
    "agent/python/driver.py",
    "db/migrations/0001_a.sql",
    "db/schema.sql",
    "server/web/style.css",
    "server/web/static/app-0123456789ab.js",
    "server/web/static/sources.sha256",
    "tests/fixture.json",
  ];
  assert.deepEqual(
    dataFiles(["main.ts", "agent/agent.ts", "db/migrate.ts", "server/serve.ts"], files),
    [
      "agent/monitor.d.ts",
      "agent/python/driver.py",
      "db/migrations/0001_a.sql",
      "server/web/static/app-0123456789ab.js",
    ],
  );
});
