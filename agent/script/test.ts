/** `monitor script test NAME`: a collector on recorded answers, and whether it makes the same of them. */
import { dirname, join } from "node:path";
import { createLogger } from "../../log.ts";
import { createHostMethods, type HostMethods } from "../host.ts";
import type { Admission, Rejection } from "../judge.ts";
import type { BrokenScript, ScriptVersion } from "../look.ts";
import { type CollectedSeries, shownSeries } from "../once.ts";
import { scriptRunner } from "../script_runner.ts";
import type { ScriptFile } from "../scripts.ts";
import type { ScriptContext, ScriptOptions } from "./command.ts";
import {
  type Difference,
  differences,
  type Expected,
  expectedOf,
  expectedSchema,
} from "./expected.ts";
import { ScriptFailure, ScriptUsageError } from "./failure.ts";
import { fixtureHost, recordingHost, writeFixture } from "./fixture.ts";
import { findScript, openScript, scriptSandbox, settingsFor } from "./open.ts";

interface TestOptions extends ScriptOptions {
  fixture?: string;
  record?: true;
  force?: true;
}

const EXPECTED_NAME = "expected.json";

interface Subject {
  name: string;
  options: ScriptOptions;
  context: ScriptContext;
}

export async function testScript(
  name: string,
  options: TestOptions,
  context: ScriptContext,
): Promise<void> {
  const subject = { name, options, context };
  const { terminal, layoutTable } = context;
  if (options.record) return await record(subject, options);
  const found: { folder: string; script: string } = { folder: "", script: "" };
  let expected: Expected | undefined;
  const real = createHostMethods(context);
  const metrics = await runOn(subject, async (file) => {
    found.folder = fixtureFolder(file, options);
    found.script = file.name;
    expected = await readExpected(found.folder, `${commandLine(subject, options)} --record`);
    return await fixtureHost(found.folder, real);
  });
  const wrong = differences(expected ?? { metrics: {} }, metrics);
  const { script, folder: fixture } = found;
  if (options.json) {
    const result = { script, fixture, ok: wrong.length === 0, values: metrics.length };
    terminal.out(JSON.stringify({ ...result, differences: wrong }, undefined, 2) + "\n");
  } else if (wrong.length === 0) {
    terminal.out(`${script}: ${metrics.length} values as expected\n`);
  } else {
    const columns = [{ header: "metric" }, { header: "expected" }, { header: "got" }];
    const rows = wrong.map((one: Difference) => [one.metric, one.expected, one.got]);
    terminal.out(layoutTable({ columns, rows }, terminal.columns).join("\n") + "\n");
  }
  if (wrong.length === 0) return;
  throw new ScriptFailure(`${script} made ${wrong.length} values other than expected`, {
    hint: `repair it, or correct ${join(fixture, EXPECTED_NAME)}`,
  });
}

async function record(subject: Subject, options: TestOptions): Promise<void> {
  const { terminal } = subject.context;
  const real = createHostMethods(subject.context);
  const { host, calls } = recordingHost(real);
  const found = { folder: "", script: "" };
  const metrics = await runOn(subject, async (file) => {
    found.folder = fixtureFolder(file, options);
    found.script = file.name;
    const exists = await Deno.stat(found.folder).then(() => true, () => false);
    if (exists && !options.force) {
      throw new ScriptFailure(`${found.folder} exists already`, {
        hint: "record in place of it: --force",
      });
    }
    return host;
  });
  const { folder } = found;
  if (options.force) await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  await writeFixture(folder, calls);
  // What it makes of the recording may depend on the time of day, or on what it asked elsewhere.
  const again = await runOn(subject, () => fixtureHost(folder, real));
  const values = new Map(metrics.map((series) => [series.metric, series]));
  const unsteady = differences(expectedFor(metrics), again).map(({ metric }) => metric);
  const expected = expectedFor(again.filter(({ metric }) => values.has(metric)));
  for (const metric of unsteady) if (values.has(metric)) expected.metrics[metric] = "any";
  await Deno.writeTextFile(
    join(folder, EXPECTED_NAME),
    JSON.stringify(expected, undefined, 2) + "\n",
  );
  terminal.out(`${folder}\n`);
  if (unsteady.length > 0) {
    terminal.err(`Any number is expected of what is not the same twice: ${unsteady.join(", ")}\n`);
  }
  terminal.err(
    `${metrics.length} values are recorded. See that they are right, then:  ` +
      `${commandLine(subject, options)}\n`,
  );
}

/** The same command once more, for people. */
function commandLine({ name, context }: Subject, options: TestOptions): string {
  const more = Object.entries({
    config: options.config,
    metrics: options.metrics,
    fixture: options.fixture,
  }).flatMap(([key, value = []]) => [value].flat().map((one) => ` --${key} ${one}`));
  return `${context.program} script test ${name}${more.join("")}`;
}

function expectedFor(metrics: readonly CollectedSeries[]): Expected {
  return {
    metrics: Object.fromEntries(metrics.map((series) => [series.metric, expectedOf(series)])),
  };
}

/** Runs the collector once with the answers that `hostFor` has for its file. */
async function runOn(
  { name, options, context }: Subject,
  hostFor: (file: ScriptFile) => Promise<HostMethods>,
): Promise<CollectedSeries[]> {
  const { clock, terminal } = context;
  const config = await settingsFor(options, context);
  const log = createLogger({
    level: "error",
    format: "text",
    now: () => clock.now(),
    write: terminal.err,
  });
  const host = await hostFor(await findScript(name, config));
  await using sandbox = scriptSandbox(config, { clock, log, host });
  const { file, version, judged } = await openScript(name, { config, sandbox });
  const { permissions, options: values, timeout_ms } = admissionOf(file, { version, judged });
  if ("reason" in version) throw new Error("BUG: a broken script was admitted");
  const { origin, text, metadata } = version;
  sandbox.admit({ name: file.name, origin, text, options: values }, permissions);
  const runner = scriptRunner({ name: file.name, metadata }, { sandbox });
  const outcome = await runner.collect({ at_ms: clock.now(), timeout_ms });
  if (outcome.kind === "done") return shownSeries(outcome.series, runner);
  throw new ScriptFailure(`${file.name} gave no values`, {
    cause: outcome.message,
    hint: `repair ${file.file}, or record its answers anew`,
  });
}

/** A script for another machine can be tested here, with nothing but recorded answers. */
function admissionOf(
  file: ScriptFile,
  { version, judged }: { version: ScriptVersion | BrokenScript; judged: Admission | Rejection },
): Pick<Admission, "permissions" | "options" | "timeout_ms"> {
  if (!("reason" in judged)) return judged;
  if (judged.state === "elsewhere" && !("reason" in version)) {
    return { permissions: {}, options: {}, timeout_ms: version.metadata.timeout ?? 5_000 };
  }
  throw new ScriptFailure(`${file.name} is not run`, {
    cause: judged.reason,
    hint: judged.state === "broken" ? `repair ${file.file}` : "change the agent's settings",
  });
}

function fixtureFolder(file: ScriptFile, { fixture }: TestOptions): string {
  if (fixture !== undefined) return fixture;
  if (file.file instanceof URL) {
    throw new ScriptUsageError(
      `${file.name} is a shipped collector: say where its fixture is with --fixture`,
    );
  }
  return join(dirname(file.file), `${file.name}.fixture`);
}

/** Throws ScriptFailure when there is none, or it is none. */
async function readExpected(folder: string, how_to_record: string): Promise<Expected> {
  const file = join(folder, EXPECTED_NAME);
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new ScriptFailure(`There is no ${file}`, { hint: `record one: ${how_to_record}` });
  }
  let fault: string;
  try {
    const parsed = expectedSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    fault = parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join(
      "; ",
    );
  } catch (error) {
    fault = String(error);
  }
  throw new ScriptFailure(`${file} cannot be read`, { cause: fault, hint: `correct it` });
}
