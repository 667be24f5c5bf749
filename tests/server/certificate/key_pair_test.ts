/** Certificates that are made, read and renewed. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { selfSigned } from "../../../server/certificate/der.ts";
import { readKeyPair } from "../../../server/certificate/key_pair.ts";

const NOW_MS = Date.UTC(2026, 0, 15);
const valid = { names: ["localhost"], from_ms: NOW_MS - 1000, to_ms: NOW_MS + 1000 };

async function written(cert: string, key: string) {
  const dir = await Deno.makeTempDir({ prefix: "monitor-test-" });
  const files = { certificate_file: `${dir}/a.pem`, key_file: `${dir}/a.key` };
  await Deno.writeTextFile(files.certificate_file, cert);
  await Deno.writeTextFile(files.key_file, key);
  return { files, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

Deno.test("certificate: names and addresses stand in it", () => {
  const { cert } = selfSigned({ ...valid, names: ["a.example", "10.0.0.5", "fd00::1:2"] });
  const read = new X509Certificate(cert);
  assert.ok(read.checkHost("a.example") !== undefined);
  assert.ok(read.checkIP("10.0.0.5") !== undefined);
  assert.match(read.subjectAltName ?? "", /FD00:0:0:0:0:0:1:2|fd00::1:2/i);
  assert.equal(read.checkHost("b.example"), undefined);
});

Deno.test("certificate: a pair is read, with the fingerprint agents pin", async () => {
  const { cert, key } = selfSigned(valid);
  await using at = await written(cert, key);
  const pair = readKeyPair(at.files, NOW_MS);
  const shown = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.equal(pair.fingerprint, `sha256:${shown}`);
});

Deno.test("certificate: what cannot be used says what is wrong and what to do", async () => {
  const { cert, key } = selfSigned(valid);
  const other = selfSigned(valid).key;
  const cases: [string, string, number, RegExp][] = [
    [cert, other, NOW_MS, /does not belong to the certificate/],
    ["", key, NOW_MS, /no certificate in PEM form/],
    [cert, "-----BEGIN PRIVATE KEY-----\n", NOW_MS, /no private key in PEM form/],
    [cert, key, NOW_MS + 5000, /has expired: 2026-01-15/],
    [cert, key, NOW_MS - 5000, /is not valid yet/],
  ];
  for (const [a, b, now_ms, told] of cases) {
    await using at = await written(a, b);
    assert.throws(() => readKeyPair(at.files, now_ms), (error: Error & { exit_code?: number }) => {
      assert.match(error.message, told);
      assert.equal(error.exit_code, 2);
      assert.ok("hint" in error);
      return true;
    });
  }
  const files = { certificate_file: "/nowhere.pem", key_file: "/nowhere.key" };
  assert.throws(() => readKeyPair(files, NOW_MS), /must be a readable file: there is none/);
});
