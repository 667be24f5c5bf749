/**
 * Collectors that are no scripts: what the agent's settings name. Making one starts nothing: a runner
 * opens and starts what it needs with its first run, so that a list of collectors can be made, and
 * compared with the one that runs, at any time.
 */
import type { Collector } from "../collectors.ts";
import type { Runner } from "../runner.ts";
import { ExecRunner } from "./exec.ts";
import { ScrapeRunner, shownUrl } from "./scrape.ts";
import type { SourceSettings } from "./settings.ts";
import type { SourceContext } from "./source.ts";

interface Definition {
  name: string;
  /** Where its values come from, for people: a command, a URL. */
  place: string;
  settings: { every?: number; timeout?: number; description?: string };
  runner: Runner;
  own_report?: boolean;
}

/** The collectors of these settings, sorted by name. */
export function sourceCollectors(config: SourceSettings, context: SourceContext): Collector[] {
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
  return [...commands, ...exporters].map((definition) => collectorOf(definition, config))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function collectorOf(
  { name, place, settings, runner, own_report }: Definition,
  config: SourceSettings,
): Collector {
  const { every, timeout, description = `from ${place}` } = settings;
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
  };
}
