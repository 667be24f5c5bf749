/** What campaigns have found, in the form in which a person understands it. */
import assert from "node:assert/strict";
import { decodeMessage, encodeCall } from "../../agent/dbus_message.ts";
import { parseStatsdLine } from "../../agent/sources/statsd_lines.ts";
import { AddressError, resolveAddress, urlOf } from "../../db/address.ts";
import { CopyRowReader } from "../../db/copy_rows.ts";
import { parseRulesFile } from "../../server/alerts/rules_file.ts";
import { parseScenario } from "../../server/alerts/scenario.ts";
import { PlacedError } from "../../server/alerts/yaml_place.ts";
import { testApp } from "../support/test_app.ts";
import { csv } from "../../server/wire/csv.ts";

/** A message whose body has this signature, and these bytes. */
function message(signature: string, body: readonly number[]): Uint8Array {
  const fields = [8, 1, 103, 0, signature.length, ...new TextEncoder().encode(signature), 0];
  const padded = Math.ceil((16 + fields.length) / 8) * 8 - 16;
  const bytes = new Uint8Array(16 + padded + body.length);
  bytes.set([108, 2, 0, 1, body.length]);
  bytes[12] = fields.length;
  bytes.set(fields, 16);
  bytes.set(body, 16 + padded);
  return bytes;
}

Deno.test("D-Bus: a list whose elements have no bytes has no end", () => {
  for (const signature of ["a()", "a", "az"]) {
    assert.throws(() => decodeMessage(message(signature, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0])), Error);
  }
  assert.deepEqual(decodeMessage(message("ay", [2, 0, 0, 0, 7, 8])).body, [[7, 8]]);
});

Deno.test("D-Bus: values in each other are no deeper than the protocol allows", () => {
  const variants = Array.from({ length: 100 }, () => [1, 118, 0]).flat();
  assert.throws(() => decodeMessage(message("v", variants)), /nested too deep/);
});

Deno.test("D-Bus: a text does not reach into the next message", () => {
  const whole = new Uint8Array(200);
  whole.set(message("s", [60, 0, 0, 0, 65, 66]));
  const cut = whole.subarray(0, message("s", [60, 0, 0, 0, 65, 66]).length);
  assert.throws(() => decodeMessage(cut), /cut off/);
  const call = { destination: "a", path: "/b", interface: "c", member: "d", arguments: ["x"] };
  assert.deepEqual(decodeMessage(encodeCall(call, 1)).body, ["x"]);
});

Deno.test("COPY: a field of negative length leads nowhere", () => {
  const head = [80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const row = new Uint8Array(40);
  new DataView(row.buffer).setInt16(0, 4);
  new DataView(row.buffer).setInt32(30, -34);
  const bytes = new Uint8Array([...head, ...row]);
  assert.throws(() => new CopyRowReader().push(bytes), /^Error: BUG: /);
});

Deno.test("StatsD: a line cannot make a counter infinite", () => {
  assert.equal(parseStatsdLine("a:1|c|@1e-400"), undefined);
  assert.equal(parseStatsdLine("a:1|c|@4.9e-324"), undefined);
  assert.equal(parseStatsdLine("a:1|c|@0.1")?.weight, 10);
});

Deno.test("rules: an alias of what it is a part of, and too many of them, are told", () => {
  const many = "a: &a [1,1,1,1,1,1,1,1,1]\n" +
    [..."bcdefgh"].map((name, i) =>
      `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[i]}`).join()}]`
    ).join("\n");
  const itself = `rules: &a\n${"  - *a\n".repeat(200)}`;
  for (
    const text of ["rules: &a\n  - *a\n", itself, "rules: *nothing\n", many, "[".repeat(20_000)]
  ) {
    assert.throws(() => parseRulesFile(text, "rules.yaml"), PlacedError);
  }
});

Deno.test("scenarios: half a million samples are told as too many, in a line or in many", () => {
  const head = "rules:\n- name: a\n  metric: cpu\n  condition: above\n  threshold: 1\n---\n";
  const parse = (line: string) =>
    parseScenario(`${head}${line}\n`, { file: "a.scenario", readRules: () => [] });
  const load = "load cpu{host=a} every 1s:";
  assert.throws(() => parse(`${load} ${"1x500000 ".repeat(100)}`), /has more than 500000 samples/);
  assert.throws(() => parse(`${load} ${"_x500000 ".repeat(100)}`), /has more than 500000 samples/);
  assert.equal(parse(`${load} 1x200000`).samples.length, 200_000);
});

Deno.test("import: there is one time 0", () => {
  const read = csv.reader();
  read("host,metric,timestamp,value");
  assert.deepEqual(read("a,x,-0.0001,1"), { host: "a", metric: "x", at_ms: 0, value: 1 });
});

Deno.test("database URL: its own text is read as the same address, or it is refused", () => {
  for (const host of ["%2Fa%23b", "a%3Fb", "a?host=[::1]", "a?host=%3A", "a?user="]) {
    const url = `postgres://u:p@${host}`;
    let address: ReturnType<typeof resolveAddress>;
    try {
      address = resolveAddress(url);
    } catch (error) {
      assert.ok(error instanceof AddressError);
      continue;
    }
    assert.deepEqual(resolveAddress(urlOf(address)), address, url);
  }
});

Deno.test("database URL: no message shows a password, wherever it stands", () => {
  const wrong = [
    "postgres://u:secret1@h:5432/n?sslmode=nonsense:secret1@h",
    "postgres://us\ner:secret1@h:5432/n?sslmode=x",
    "postgres://us//user:secret1@h:5432/n?sslmode=x",
    "postgres://h/n?port=gres://[::1]:secret1@h",
  ];
  for (const url of wrong) {
    assert.throws(
      () => resolveAddress(url),
      (error) => error instanceof AddressError && !error.message.includes("secret1"),
    );
  }
});

Deno.test("compression: a zstd text that is damaged in its middle does not end the server", async () => {
  await using app = await testApp();
  const kept = Deno.readFileSync(new URL("./seeds/request_body/damaged_zstd", import.meta.url));
  // the first byte of a kept input says which compression it is
  const { status, body } = await app.post(kept.subarray(1), { "content-encoding": "zstd" });
  assert.equal(status, 400);
  assert.match(body.error, /^Cannot decompress the body \(zstd\)/);
  assert.equal((await app.post({ hostname: "a", metrics: { x: 1 } })).status, 200);
});
