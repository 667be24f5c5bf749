/**
 * From files to collectors that run, now and again when files, settings or approvals have changed.
 * Whatever fails here is one script's own trouble.
 *
 * A script that is as it was is not touched. A new version that is broken or refused does not take
 * the place of the one that runs: whoever saves a half-written file, or a mistake, loses no values.
 * That holds until the agent ends, and only for as long as the version that runs is still allowed;
 * taking a permission back ends it at once.
 *
 * The shipped scripts share one Worker, also when they have targets: they are part of the product, and
 * a Worker for each would cost 8 MB each. It may reach what the operator's targets name, together, and
 * nothing else.
 */
import { approvalFile, ApprovalFileError, readApprovals } from "./approval_file.ts";
import type { Approvals } from "./approvals.ts";
import { commonOptions, unknownCollectors } from "./collector_options.ts";
import type { Collector, LoadedCollectors, RejectedScript } from "./collectors.ts";
import type { AgentConfig } from "./config.ts";
import { type Admission, judge, type Rejection } from "./judge.ts";
import { type BrokenScript, lookAt, type ScriptVersion } from "./look.ts";
import { mergedPermissions, normalPermissions, type PermissionSet } from "./permissions.ts";
import type { Sandbox } from "./sandbox.ts";
import { scriptRunner } from "./script_runner.ts";
import { findScripts, type ScriptFile } from "./scripts.ts";
import type { SourceContext } from "./sources/source.ts";
import { findSources } from "./sources/sources.ts";
import { TypeStripper } from "./strip.ts";

/** A script that runs, or is about to. */
interface Running {
  version: ScriptVersion;
  admission: Admission;
  collector: Collector;
  /** Of all that its collector is made of. */
  key: string;
  /** Of what the sandbox has of it. */
  admitted_key: string;
}

interface LoadingOptions extends Basis {
  stripper: TypeStripper;
}

/** What scripts were judged by, and what that came to, as JSON. */
interface Basis {
  config: AgentConfig;
  approvals: Approvals;
  judged: Map<ScriptVersion, string>;
}

/** A look that came to nothing is repeated after a minute, two, four: it may be an endless loop. */
const UNSEEN_MINUTES_MAX = 60;

export class CollectorLoader {
  readonly #sandbox: Sandbox;
  readonly #sources: SourceContext | undefined;
  readonly #seen = new Map<string, ScriptVersion | BrokenScript>();
  #running = new Map<string, Running>();
  /** Collectors that are not for the sandbox. */
  #others = new Map<string, Collector>();
  #basis: Basis | undefined;
  /** Minutes since a load, and how many may pass until scripts are looked at that could not be. */
  #minutes = 0;
  #unseen_minutes = 1;

  /** Without `sources` there are scripts only. */
  constructor(options: { sandbox: Sandbox; sources?: SourceContext }) {
    this.#sandbox = options.sandbox;
    this.#sources = options.sources;
  }

  /**
   * Finds all scripts of these settings, admits what is new, dismisses what is gone. Python files and
   * what the settings themselves say to collect replace scripts of the same name. Calls must not
   * overlap. Throws ScriptFolderError; then everything is as it was.
   */
  async load(config: AgentConfig): Promise<LoadedCollectors> {
    const files = await findScripts(config);
    const { approvals, problems } = await approvalsOf(config);
    const basis: Basis = { config, approvals, judged: new Map() };
    using stripper = new TypeStripper();
    const rejected: RejectedScript[] = [];
    const next = new Map<string, Running>();
    const others = this.#sources === undefined
      ? { collectors: [], rejected: [] }
      : await findSources(config, this.#sources);
    rejected.push(...others.rejected);
    const replaced = new Set(others.collectors.map(({ name }) => name));
    for (const file of files) {
      if (replaced.has(file.name)) {
        rejected.push(replacedScript(file));
        continue;
      }
      const result = await this.#loadOne(file, { ...basis, stripper });
      if (result.running !== undefined) next.set(file.name, result.running);
      if (result.rejected !== undefined) rejected.push(result.rejected);
    }
    const restarted = [...next].filter(([name, running]) => {
      const before = this.#running.get(name);
      return before !== undefined && contentKey(before) !== contentKey(running);
    }).map(([name]) => name);
    this.#admit(next);
    const restarted_others = await this.#setOthers(others.collectors);
    for (const name of this.#seen.keys()) {
      if (!files.some((file) => file.name === name)) this.#seen.delete(name);
    }
    for (
      const unknown of unknownCollectors(config, [...files.map(({ name }) => name), ...replaced])
    ) {
      rejected.push({ ...unknown, file: "settings", origin: "user", state: "broken" });
    }
    this.#basis = basis;
    this.#minutes = 0;
    if (!this.#isAnyUnseen()) this.#unseen_minutes = 1;
    const collectors = [...next.values()].map(({ collector }) => collector);
    return {
      collectors: [...collectors, ...this.#others.values()],
      rejected,
      restarted: [...restarted, ...restarted_others],
      problems,
    };
  }

  /**
   * Whether collectors have to be loaded again although nothing has changed that is watched: secrets,
   * name servers and what scripts need are read only then, and a script may be looked at again that
   * could not be. To be asked once a minute, not while a load is under way.
   */
  async isOutdated(): Promise<boolean> {
    this.#minutes += 1;
    if (this.#isAnyUnseen() && this.#minutes >= this.#unseen_minutes) {
      this.#unseen_minutes = Math.min(2 * this.#unseen_minutes, UNSEEN_MINUTES_MAX);
      return true;
    }
    if (this.#basis === undefined) return false;
    for (const [version, before] of this.#basis.judged) {
      if (JSON.stringify(await judge(version, this.#basis)) !== before) return true;
    }
    return false;
  }

  #isAnyUnseen(): boolean {
    return [...this.#seen.values()].some((seen) => "unseen" in seen);
  }

  async #loadOne(
    file: ScriptFile,
    options: LoadingOptions,
  ): Promise<{ running?: Running; rejected?: RejectedScript }> {
    const { name, origin } = file;
    const before = this.#running.get(name);
    const result = await this.#judgeNewest(file, options);
    if ("running" in result) return result;
    const rejected = { name, origin, file: shortPath(file.file), ...result };
    const stopped = rejected.state === "elsewhere" || rejected.state === "off";
    if (before === undefined || stopped) return { rejected };
    // Its options are wrong now: it goes on with those it has.
    const same = before.version === this.#seen.get(name) && rejected.state === "broken";
    if (same) return { rejected: { ...rejected, goes_on: true }, running: before };
    const still = await judge(before.version, options);
    if ("reason" in still) return { rejected };
    const running = this.#run(file, { version: before.version, admission: still });
    return { rejected: { ...rejected, goes_on: true }, running };
  }

  async #judgeNewest(
    file: ScriptFile,
    options: LoadingOptions,
  ): Promise<{ running: Running } | Rejection> {
    const { name } = file;
    const { enabled = true } = commonOptions(name, options.config);
    if (!enabled) return { state: "off", reason: "is switched off in the settings" };
    const version = await lookAt(file, {
      sandbox: this.#sandbox,
      stripper: options.stripper,
      apart: this.#running.size > 0,
      seen: this.#seen.get(name),
    });
    this.#seen.set(name, version);
    if ("reason" in version) return { state: "broken", reason: version.reason };
    const admission = await judge(version, options);
    options.judged.set(version, JSON.stringify(admission));
    if ("reason" in admission) return admission;
    return { running: this.#run(file, { version, admission }) };
  }

  /** The collector of a version; the one that runs, when nothing about it is new. */
  #run(
    file: ScriptFile,
    { version, admission }: { version: ScriptVersion; admission: Admission },
  ): Running {
    const { name, origin, metadata } = version;
    const before = this.#running.get(name);
    const key = JSON.stringify([version.hash, origin, admission]);
    if (before?.key === key) return before;
    const collector = {
      name,
      origin,
      file: shortPath(file.file),
      metadata,
      permissions: admission.permissions,
      every_ms: admission.every_ms,
      timeout_ms: admission.timeout_ms,
      runner: scriptRunner({ name, metadata }, { sandbox: this.#sandbox }),
    };
    return { version, admission, collector, key, admitted_key: "" };
  }

  /** Keeps those that are as they were, and ends those that are not before others take their place. */
  async #setOthers(others: readonly Collector[]): Promise<string[]> {
    const before = this.#others;
    const restarted: string[] = [];
    this.#others = new Map(others.map((other) => {
      const known = before.get(other.name);
      if (known?.definition !== other.definition && known !== undefined) restarted.push(other.name);
      return [other.name, known !== undefined && sameOther(known, other) ? known : other];
    }));
    const ended = [...before.values()].filter((other) => this.#others.get(other.name) !== other);
    for (const other of ended) other.ended = true;
    await Promise.all(ended.map(({ runner }) => runner[Symbol.asyncDispose]()));
    return restarted;
  }

  #admit(next: Map<string, Running>): void {
    const together = [...next.values()].filter(({ version }) => version.origin === "shipped")
      .reduce<PermissionSet>(
        (sum, { admission }) => mergedPermissions(sum, admission.permissions),
        {},
      );
    for (const [name, running] of next) {
      const { version: { hash, origin, text }, admission } = running;
      const permissions = origin === "shipped" ? together : admission.permissions;
      const { options } = admission;
      const key = JSON.stringify([hash, origin, normalPermissions(permissions), options]);
      if (this.#running.get(name)?.admitted_key !== key) {
        this.#sandbox.admit({ name, origin, text, options }, permissions);
      }
      running.admitted_key = key;
    }
    for (const name of this.#running.keys()) if (!next.has(name)) this.#sandbox.dismiss(name);
    this.#running = next;
    this.#sandbox.trim();
  }
}

function sameOther(a: Collector, b: Collector): boolean {
  return a.definition === b.definition && a.every_ms === b.every_ms &&
    a.timeout_ms === b.timeout_ms;
}

function replacedScript({ name, file, origin }: ScriptFile): RejectedScript {
  const reason = "is replaced by a Python file, or by what the agent's settings say";
  return { name, file: shortPath(file), origin, state: "off", reason };
}

/** Of what a script is and may, apart from when it runs. */
function contentKey({ version, admission: { permissions, options } }: Running): string {
  return JSON.stringify([version.hash, version.origin, permissions, options]);
}

async function approvalsOf(
  config: AgentConfig,
): Promise<{ approvals: Approvals; problems: string[] }> {
  try {
    return { approvals: await readApprovals(approvalFile(config)), problems: [] };
  } catch (error) {
    if (!(error instanceof ApprovalFileError)) throw error;
    return { approvals: new Map(), problems: [`${error.message}; ${error.hint}`] };
  }
}

/** As people call it; what is inside the program has no path of its own. */
function shortPath(file: string | URL): string {
  return file instanceof URL ? `metrics/${file.pathname.split("/").at(-1)}` : file;
}
