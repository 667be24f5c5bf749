/** What the agent says about itself: its version, its machine, and its collectors with what they may do. */
import type { AgentFacts } from "../report.ts";
import { type Collector, isIdle, type RejectedScript } from "./collectors.ts";
import { permissionsText } from "./permissions.ts";

/** As long as the contract allows, see report.ts. */
const CHARS_MAX = { name: 100, permissions: 500, error: 300 };
const COLLECTORS_MAX = 300;
const OS_RELEASE = "/etc/os-release";

export type MachineFacts = Omit<AgentFacts, "collectors">;

/** `Debian GNU/Linux 13 (trixie)` out of a file like /etc/os-release; undefined when it does not say. */
export function readOsName(text: string): string | undefined {
  const [, name] = /^PRETTY_NAME=(.*)$/m.exec(text) ?? [];
  return name?.trim().replace(/^(["'])(.*)\1$/, "$2") || undefined;
}

function osName(): string {
  try {
    return readOsName(Deno.readTextFileSync(OS_RELEASE)) ?? Deno.build.os;
  } catch {
    // other systems have no such file
    return Deno.build.os;
  }
}

/** What does not change while the agent runs. */
export function describeMachine(version = "unknown"): MachineFacts {
  return {
    version: cut(version, 64),
    os: cut(osName(), 100),
    kernel: cut(Deno.osRelease(), 100),
    arch: Deno.build.arch,
  };
}

function cut(text: string, chars_max: number): string {
  return text.length <= chars_max ? text : `${text.slice(0, chars_max - 1)}…`;
}

export interface Collection {
  collectors: readonly Collector[];
  rejected: readonly RejectedScript[];
  /** Why collectors do not give what they should, by name. */
  troubles(): ReadonlyMap<string, string>;
}

/** All of it, as it is now. What is for other machines, or switched off, is left out. */
export function agentFacts(machine: MachineFacts, collection: Collection): AgentFacts {
  const troubles = collection.troubles();
  const runs = collection.collectors.map((collector) => {
    const error = troubles.get(collector.name);
    return {
      name: cut(collector.name, CHARS_MAX.name),
      origin: collector.origin,
      every_s: collector.every_ms / 1000,
      timeout_s: collector.timeout_ms / 1000,
      permissions: cut(permissionsText(collector.permissions), CHARS_MAX.permissions),
      error: error === undefined ? null : cut(error, CHARS_MAX.error),
    };
  });
  const rejected = collection.rejected
    .filter(({ state, goes_on }) => !isIdle(state) && !goes_on)
    .map(({ name, origin, reason }) => ({
      name: cut(name, CHARS_MAX.name),
      origin,
      every_s: null,
      timeout_s: null,
      permissions: "none",
      error: cut(reason, CHARS_MAX.error),
    }));
  return { ...machine, collectors: [...runs, ...rejected].slice(0, COLLECTORS_MAX) };
}
