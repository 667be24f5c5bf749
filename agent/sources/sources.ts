/**
 * Collectors that are no scripts: what the agent's settings name, and Python files. Making one starts nothing: a runner
 * opens and starts what it needs with its first run, so that a list of collectors can be made, and
 * compared with the one that runs, at any time.
 */
import { commonOptions } from "../collector_options.ts";
import type { Collector, RejectedScript } from "../collectors.ts";
import type { AgentConfig } from "../config.ts";
import type { Runner } from "../runner.ts";
import { pythonRunner } from "./python.ts";
import { findPython } from "./python_files.ts";
import { ExecRunner } from "./exec.ts";
import { ScrapeRunner, shownUrl } from "./scrape.ts";
import { STATSD_NAME, type StatsdSettings } from "./settings.ts";
import { StatsdRunner } from "./statsd.ts";
import type { SourceContext } from "./source.ts";

interface Definition {
  name: string;
  /** Where its values come from, for people: a command, a URL. */
  place: string;
  /** Rhythm and description, and whatever else makes it what it is. */
  settings: { every?: number; timeout?: number; description?: string };
  runner: Runner;
  own_report?: boolean;
  listens?: boolean;
}

/** The collectors of these settings, sorted by name, and what may not run. */
export async function findSources(
  config: AgentConfig,
  context: SourceContext,
): Promise<{ collectors: Collector[]; rejected: RejectedScript[] }> {
  const settings = settingsCollectors(config, context);
  const taken = new Set(settings.map(({ name }) => name));
  const { scripts, refused, unreadable } = await findPython(config);
  const python = scripts.filter(({ name }) => !taken.has(name)).map((script): Collector => ({
    ...collectorOf({
      name: script.name,
      place: script.file,
      settings: { description: `from ${script.file}`, ...script },
      runner: pythonRunner(script, context.python),
    }, config),
    origin: "user",
  }));
  const collectors = [...settings, ...python]
    .filter(({ name }) => commonOptions(name, config).enabled !== false)
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const rejected: RejectedScript[] = refused === undefined ? [] : [{
    name: "python",
    file: refused.files.join(", "),
    origin: "user",
    state: "refused",
    reason: refused.reason,
  }];
  rejected.push(
    ...unreadable.map((file): RejectedScript => ({ ...file, origin: "user", state: "broken" })),
  );
  return { collectors, rejected };
}

function settingsCollectors(config: AgentConfig, context: SourceContext): Collector[] {
  const commands = Object.entries(config.exec).map(([name, settings]): Definition => ({
    name,
    // Not its arguments: they may have a password among them.
    place: settings.shell === undefined ? settings.command?.[0] ?? "" : "/bin/sh",
    settings,
    runner: new ExecRunner({ name, settings }, context),
    own_report: settings.format === "prometheus",
  }));
  const exporters = Object.entries(config.scrape).map(([name, settings]): Definition => ({
    name,
    place: shownUrl(settings.url),
    settings,
    runner: new ScrapeRunner({ name, settings }, context),
    own_report: true,
  }));
  const listeners = config.statsd === undefined ? [] : [statsdDefinition(config.statsd, context)];
  return [...commands, ...exporters, ...listeners].map((definition) =>
    collectorOf(definition, config)
  );
}

function statsdDefinition(settings: StatsdSettings, context: SourceContext): Definition {
  const name = STATSD_NAME;
  return {
    name,
    place: `UDP ${settings.host}, port ${settings.port}`,
    settings,
    runner: new StatsdRunner({ name, settings }, context),
    own_report: true,
    listens: true,
  };
}

function collectorOf(
  { name, place, settings, runner, own_report, listens }: Definition,
  config: AgentConfig,
): Collector {
  const { description = `from ${place}` } = settings;
  const { every = settings.every, timeout = settings.timeout } = commonOptions(name, config);
  return {
    name,
    file: place,
    origin: "settings",
    definition: JSON.stringify(settings),
    metadata: { description },
    permissions: {},
    every_ms: every ?? config.interval,
    timeout_ms: timeout ?? config.timeout,
    runner,
    own_report,
    listens,
  };
}
