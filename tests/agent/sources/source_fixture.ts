/** Collectors from settings, as the agent makes them, and one run of each. */
import assert from "node:assert/strict";
import { type AgentConfigInput, loadAgentConfig } from "../../../agent/config.ts";
import type { Collector, RejectedScript } from "../../../agent/collectors.ts";
import type { Outcome } from "../../../agent/runner.ts";
import { type SourceContext, sourceContext } from "../../../agent/sources/source.ts";
import { findSources } from "../../../agent/sources/sources.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { EventLog } from "../event_log.ts";

export interface Sources extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly events: EventLog;
  readonly context: SourceContext;
  readonly rejected: readonly RejectedScript[];
  collector(name: string): Collector;
  /** Runs a collector once; time passes as fast as it can while it does. */
  run(name: string): Promise<Outcome>;
}

/** The collectors of these settings, which are no scripts. */
export async function sources(settings: AgentConfigInput): Promise<Sources> {
  const config = await loadAgentConfig({ overrides: settings, hostname: () => "vm1" });
  const clock = new FakeClock();
  const events = new EventLog();
  const context = sourceContext(config, { clock, log: events.log });
  const { collectors, rejected } = await findSources(config, context);
  const collector = (name: string) =>
    collectors.find((one) => one.name === name) ?? assert.fail(`there is no ${name}`);
  return {
    clock,
    events,
    context,
    rejected,
    collector,
    run: async (name) => {
      const { runner, timeout_ms } = collector(name);
      let over = false;
      const outcome = runner.collect({ at_ms: clock.now(), timeout_ms })
        .finally(() => over = true);
      while (!over) await clock.advance(1);
      return await outcome;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(collectors.map(({ runner }) => runner[Symbol.asyncDispose]()));
    },
  };
}

/** The series of a run that went well. */
export function seriesOf(outcome: Outcome): Record<string, unknown> {
  if (outcome.kind !== "done") assert.fail(outcome.message);
  return Object.fromEntries(outcome.series);
}

/** The message of a run that failed. */
export function messageOf(outcome: Outcome): string {
  return outcome.kind === "done" ? assert.fail("it did not fail") : outcome.message;
}
