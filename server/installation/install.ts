/**
 * `monitor install server | agent`: this program as a service of systemd. Everything it does can be
 * done again: an upgrade is running it with the newer program. Settings that are there stay.
 *
 * With `--root DIR` the same files are laid out below DIR and nothing is started: for images and
 * packages.
 */
import { dirname, join } from "node:path";
import { CommandError } from "../cli/failure.ts";
import {
  COLLECTOR_FOLDER,
  PROGRAM_PATH,
  type ServiceName,
  SERVICES,
  UNIT_FOLDER,
} from "./place.ts";
import { firstConfig, unitText } from "./units.ts";

export interface InstallOptions {
  print?: true;
  remove?: true;
  root?: string;
  /** `--no-start`: false. */
  start?: boolean;
  host?: string;
  port?: number;
  server?: string;
}

export interface InstallContext {
  out: (text: string) => void;
}

/** Programs in these directories stay where they are; others are copied. */
const PROGRAM_FOLDERS = ["/usr/", "/opt/", "/bin/", "/sbin/", "/nix/"];

/** Throws CommandError. */
export async function runInstall(
  name: ServiceName,
  options: InstallOptions,
  { out }: InstallContext,
): Promise<void> {
  const own = Deno.build.standalone ? Deno.execPath() : PROGRAM_PATH;
  const stays = PROGRAM_FOLDERS.some((folder) => own.startsWith(folder));
  const program = stays ? own : PROGRAM_PATH;
  if (options.print) return out(unitText(name, { program }));
  const { root = "" } = options;
  if (root === "") await checkMachine(name);
  if (options.remove) return await remove(name, out);
  if (!Deno.build.standalone) {
    throw new CommandError("Cannot install from the source: a service needs the executable", {
      hint: "deno task compile, then run dist/monitor install " + name,
    });
  }
  if (own !== join(root, program)) await placeProgram(own, join(root, program), out);
  if (root === "") await makeUser(name, out);
  await placeConfig(name, options, out);
  const unit = `${SERVICES[name].unit}.service`;
  const path = join(root, UNIT_FOLDER, unit);
  await writeWhole(path, new TextEncoder().encode(unitText(name, { program })), 0o644);
  out(`unit       ${path}\n`);
  if (root !== "") return;
  await run("systemctl", ["daemon-reload"]);
  if (options.start ?? true) {
    await run("systemctl", ["enable", "--quiet", unit]);
    // also when it runs already: with an older program
    await run("systemctl", ["restart", unit]);
    out(`started    and at every boot\n`);
  } else out(`start it   systemctl enable --now ${SERVICES[name].unit}\n`);
  out(`see        systemctl status ${SERVICES[name].unit}; journalctl -u ${SERVICES[name].unit}\n`);
}

/** Linux with systemd, and root. */
async function checkMachine(name: ServiceName): Promise<void> {
  const failed = `Cannot install the ${name} as a service`;
  if (Deno.build.os !== "linux") {
    throw new CommandError(failed, {
      cause: `it is a unit of systemd, which ${Deno.build.os} does not have`,
      hint: `let the system start: monitor ${name === "server" ? "serve" : "agent"}`,
    });
  }
  const has_systemd = await Deno.stat("/run/systemd/system").then(() => true, () => false);
  if (!has_systemd) {
    throw new CommandError(failed, {
      cause: "this machine was not started by systemd",
      hint: `take the unit with --print or --root DIR, or start monitor another way`,
    });
  }
  if (Deno.uid() !== 0) {
    throw new CommandError(failed, {
      cause: "only root may add services",
      hint: `sudo ${Deno.build.standalone ? Deno.execPath() : "monitor"} install ${name}`,
    });
  }
}

async function placeProgram(from: string, to: string, out: InstallContext["out"]): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  // a running program cannot be written to, but its name can be given to another file
  await Deno.copyFile(from, `${to}.new`);
  await Deno.chmod(`${to}.new`, 0o755);
  await Deno.rename(`${to}.new`, to);
  out(`program    ${to}\n`);
}

async function makeUser(name: ServiceName, out: InstallContext["out"]): Promise<void> {
  const { user, state } = SERVICES[name];
  const known = await new Deno.Command("id", { args: ["-u", user], stdout: "null", stderr: "null" })
    .output();
  if (known.success) return;
  // deno-fmt-ignore -- one option a line
  await run("useradd", [
    "--system", "--user-group", "--no-create-home",
    "--home-dir", state, "--shell", "/usr/sbin/nologin", user,
  ]);
  out(`user       ${user}\n`);
}

async function placeConfig(
  name: ServiceName,
  options: InstallOptions,
  out: InstallContext["out"],
): Promise<void> {
  const { root = "" } = options;
  const { config, user } = SERVICES[name];
  const path = join(root, config);
  const there = await Deno.stat(path).then(() => true, () => false);
  if (there) {
    const given = options.host ?? options.port ?? options.server;
    out(`settings   ${path}, as ${given === undefined ? "it is" : "it is: change it there"}\n`);
    return;
  }
  const text = firstConfig(name, options);
  await writeWhole(path, new TextEncoder().encode(text), 0o640);
  if (name === "agent") {
    await Deno.mkdir(join(root, COLLECTOR_FOLDER), { recursive: true, mode: 0o755 });
  }
  // it may come to hold a password: the service reads it, others do not
  if (root === "") await run("chgrp", [user, path]);
  out(`settings   ${path}\n`);
  if (name === "server" && options.host !== undefined) {
    out(
      `let in     sudo -u ${user} monitor token create --role admin --label me --config ${config}\n`,
    );
  }
}

async function remove(name: ServiceName, out: InstallContext["out"]): Promise<void> {
  const { unit, config, state } = SERVICES[name];
  const path = join(UNIT_FOLDER, `${unit}.service`);
  const there = await Deno.stat(path).then(() => true, () => false);
  if (!there) {
    throw new CommandError(`Cannot remove the ${name}: there is no ${path}`, {
      hint: `a package's service is removed with the package, or: systemctl disable --now ${unit}`,
    });
  }
  await run("systemctl", ["disable", "--now", "--quiet", unit]);
  await Deno.remove(path);
  await run("systemctl", ["daemon-reload"]);
  out(`removed    ${path}\n`);
  out(`kept       ${config}, ${state}\n`);
}

/** The file appears with all of its text, or not at all. */
async function writeWhole(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(`${path}.new`, bytes, { mode });
  // whatever umask says
  await Deno.chmod(`${path}.new`, mode);
  await Deno.rename(`${path}.new`, path);
}

async function run(program: string, args: string[]): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new CommandError(`Cannot run ${program}`, {
      cause: "there is no such program on this machine",
      hint: "install it, or take the files with --root DIR",
    });
  }
  if (output.success) return;
  const words = new TextDecoder().decode(output.stderr).trim();
  throw new CommandError(`Cannot run ${program} ${args.join(" ")}`, {
    cause: words || `it ended with ${output.code}`,
    hint: "repair that, and run this command again",
  });
}
