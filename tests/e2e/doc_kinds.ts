/**
 * What kind of command stands in a page, and so what the test does with it. A command that nothing
 * here knows fails the test: it is to be run, or to be excused with a reason.
 */
import manifest from "../../deno.json" with { type: "json" };
import { readSource } from "../support/modules.ts";

export type Kind =
  /** Is run to its end. */
  | { kind: "run" }
  /** Is started until a line like `ready`, and stopped. */
  | { kind: "start"; ready: RegExp }
  /** Only named things are looked at: they are there. */
  | { kind: "look"; wrong: string | undefined }
  | { kind: "skip"; reason: string }
  | { kind: "unknown" };

/** Commands that cannot be run by a test, and why. The first that fits counts. */
const NOT_HERE: { pattern: RegExp; reason: string }[] = [
  { pattern: /\b(apt|apt-get|brew|dnf) /, reason: "installs software on this machine" },
  { pattern: /^sudo /, reason: "needs another user's rights" },
  { pattern: /^systemctl |^journalctl /, reason: "needs systemd" },
  { pattern: /^ssh |^scp /, reason: "needs another machine" },
  { pattern: /^git clone /, reason: "needs the network" },
  { pattern: /^psql postgres:/, reason: "needs an external PostgreSQL" },
  { pattern: / --live\b/, reason: "says nothing until Ctrl-C" },
  { pattern: / --to postgres:/, reason: "needs an external PostgreSQL" },
  { pattern: /--database-url /, reason: "needs an external PostgreSQL" },
];

const TASKS: Record<string, unknown> = manifest.tasks;
const [, CI_VERSION] = /^deno_version=(\S+)$/m.exec(readSource(".ci/run")) ?? [];

/** Environment in front of a command: `NAME=value command`. */
const ASSIGNMENTS = /^(?:[A-Z_]+=\S* )*/;

/** Why `deno task <name>` cannot be right; undefined when it can. */
function taskFault(name: string): string | undefined {
  return Object.hasOwn(TASKS, name) ? undefined : `deno.json has no task "${name}"`;
}

function monitorKind(args: string): Kind {
  const [name = ""] = args.split(" ");
  if (name === "up") return { kind: "start", ready: /^stop .*Ctrl-C$/ };
  if (name === "serve") return { kind: "start", ready: /server is ready/ };
  if (name === "agent" && !args.includes("--once")) {
    return { kind: "start", ready: /Agent collects/ };
  }
  return { kind: "run" };
}

/** What to do with one command line. */
export function kindOf(text: string): Kind {
  const command = text.replace(ASSIGNMENTS, "");
  const excuse = NOT_HERE.find(({ pattern }) => pattern.test(command));
  if (excuse !== undefined) return { kind: "skip", reason: excuse.reason };
  const [, version, npx_task = ""] = /^npx -y deno@(\S+) task (\S+)/.exec(command) ?? [];
  if (version !== undefined) {
    const wrong = version === CI_VERSION ? taskFault(npx_task) : `.ci/run has ${CI_VERSION}`;
    return { kind: "look", wrong };
  }
  const [, task, args = ""] = /^deno task (\S+) ?(.*)/s.exec(command) ?? [];
  if (task === "monitor") return monitorKind(args);
  if (task === "start") return monitorKind(`up ${args}`);
  if (task !== undefined) return { kind: "look", wrong: taskFault(task) };
  const [, installed] = /^monitor (.*)/s.exec(command) ?? [];
  if (installed !== undefined) return monitorKind(installed);
  const [, file] = /^deno run -A (\S+\.ts)\b/.exec(command) ?? [];
  if (file !== undefined) return { kind: "look", wrong: fileFault(file) };
  if (/^(curl|psql|gzip|gunzip|mkdir|cp) /.test(command)) return { kind: "run" };
  return { kind: "unknown" };
}

function fileFault(path: string): string | undefined {
  try {
    readSource(path);
    return undefined;
  } catch {
    return `there is no ${path}`;
  }
}
