/**
 * The Debian package of a release: program, units, settings, users. It starts nothing by itself: one
 * package holds server and agent, and which of them a machine needs is its owner's to say. An upgrade
 * restarts what runs.
 */
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { COLLECTOR_FOLDER, type ServiceName, SERVICES } from "../../server/installation/place.ts";
import { firstConfig, unitText } from "../../server/installation/units.ts";
import { run } from "../compile/run.ts";
import { TOP } from "../compile/stage.ts";
import type { Target } from "../compile/target.ts";

const PROGRAM = "/usr/bin/monitor";
const NAMES: readonly ServiceName[] = ["server", "agent"];
const UNITS = NAMES.map((name) => `${SERVICES[name].unit}.service`).join(" ");

const ARCHITECTURES: Readonly<Record<Target["arch"], string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
};

/** As `debian/control` has it. */
export function controlText(
  options: { version: string; arch: Target["arch"]; kib: number },
): string {
  const { version, arch, kib } = options;
  return `Package: monitor
Version: ${version}
Architecture: ${ARCHITECTURES[arch]}
Maintainer: monitor maintainers <monitor@localhost>
Installed-Size: ${kib}
Depends: adduser, libc6
Section: admin
Priority: optional
Description: collects, keeps and shows the metrics of your machines
 A server that takes reports of many machines and keeps them for years in a
 PostgreSQL of its own, or in yours, and an agent that reports a machine.
 .
 systemctl enable --now monitor-server, or monitor-agent, starts it.
`;
}

/** The scripts dpkg runs, by their names. Each can be run again. */
export function maintainerScripts(): Record<"postinst" | "prerm" | "postrm", string> {
  const users = NAMES.map((name) => {
    const { user, state, config } = SERVICES[name];
    return `  adduser --system --group --quiet --home ${state} --no-create-home ${user}
  chgrp ${user} ${config}
  chmod 640 ${config}`;
  }).join("\n");
  return {
    postinst: `#!/bin/sh
set -e
if [ "$1" = configure ]; then
${users}
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart ${UNITS}
  fi
fi
`,
    prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now --quiet ${UNITS} || true
fi
`,
    postrm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = purge ]; then
  rm -rf ${SERVICES.agent.state}
  if [ -d ${SERVICES.server.state} ]; then
    echo "monitor: the collected data stays in ${SERVICES.server.state}"
  fi
fi
`,
  };
}

interface PackageOptions {
  version: string;
  target: Target;
  /** The executable. */
  program: string;
  /** The folder for the package. */
  folder: string;
}

/** Makes `monitor_<version>_<architecture>.deb` in `folder` and returns its name. Needs dpkg-deb. */
export async function makeDebianPackage(options: PackageOptions): Promise<string> {
  const { version, target, program, folder } = options;
  const name = `monitor_${version}_${ARCHITECTURES[target.arch]}.deb`;
  const dir = await Deno.makeTempDir({ prefix: "monitor-deb-" });
  try {
    await Deno.chmod(dir, 0o755);
    await layOut(dir, options);
    const kib = Math.ceil((await Deno.stat(program)).size / 1024);
    await put(dir, "/DEBIAN/control", controlText({ version, arch: target.arch, kib }));
    await put(dir, "/DEBIAN/conffiles", NAMES.map((one) => `${SERVICES[one].config}\n`).join(""));
    for (const [script, text] of Object.entries(maintainerScripts())) {
      await put(dir, `/DEBIAN/${script}`, text, 0o755);
    }
    await run("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", dir, join(folder, name)]);
    return name;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function layOut(dir: string, { program }: PackageOptions): Promise<void> {
  await Deno.mkdir(join(dir, dirname(PROGRAM)), { recursive: true });
  await Deno.copyFile(program, join(dir, PROGRAM));
  await Deno.chmod(join(dir, PROGRAM), 0o755);
  for (const name of NAMES) {
    const { unit, config } = SERVICES[name];
    await put(dir, `/usr/lib/systemd/system/${unit}.service`, unitText(name, { program: PROGRAM }));
    await put(dir, config, firstConfig(name, {}));
  }
  await Deno.mkdir(join(dir, COLLECTOR_FOLDER), { recursive: true });
  const doc = "/usr/share/doc/monitor";
  await put(dir, `${doc}/copyright`, await Deno.readTextFile(new URL("LICENSE", TOP)));
  await Deno.writeFile(
    join(dir, doc, "changelog.gz"),
    gzipSync(await Deno.readFile(new URL("CHANGELOG.md", TOP)), { level: 9 }),
  );
}

async function put(dir: string, path: string, text: string, mode = 0o644): Promise<void> {
  const file = join(dir, path);
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeTextFile(file, text);
  // whatever umask says
  await Deno.chmod(file, mode);
}
