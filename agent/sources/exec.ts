/**
 * A command of the agent's settings as a collector. It runs with the agent's rights: that it stands in
 * the settings is the operator's permission. It gets a small environment, no shell unless one is
 * asked for, and a deadline for all of its processes.
 */
import type { MetricMetadata } from "../../report.ts";
import { readCollected } from "../collected.ts";
import type { Outcome, Run, Runner } from "../runner.ts";
import { seriesMetadata } from "../script_metadata.ts";
import { type ChildResult, runChild } from "./child.ts";
import { findUser } from "./command_user.ts";
import { childEnvironment } from "./environment.ts";
import { expositionOptions, ExpositionReader, unusableText } from "./exposition_series.ts";
import { PLUGIN_STATES, pluginSeries } from "./nagios_series.ts";
import type { ExecSettings } from "./settings.ts";
import type { SourceContext } from "./source.ts";

/** Of what a command wrote on standard error, in messages. */
const STDERR_CHARS_SHOWN = 300;

export function execArgv({ command, shell }: ExecSettings): string[] {
  return shell === undefined ? command ?? [] : ["/bin/sh", "-c", shell];
}

export class ExecRunner implements Runner {
  readonly #name: string;
  readonly #settings: ExecSettings;
  readonly #context: SourceContext;
  readonly #stop = new AbortController();
  #metadata: ReadonlyMap<string, MetricMetadata> = new Map();
  #reader: ExpositionReader | undefined;
  /** A process that could not be killed: the next one would hang beside it. */
  #hanging = false;
  #running: Promise<unknown> = Promise.resolve();
  /** State and text of the plugin's last run, without the numbers in it. */
  #told = "";

  constructor(collector: { name: string; settings: ExecSettings }, context: SourceContext) {
    this.#name = collector.name;
    this.#settings = collector.settings;
    this.#context = context;
  }

  async collect(run: Run): Promise<Outcome> {
    if (this.#hanging) {
      return { kind: "timeout", message: "a run hangs in the kernel and cannot be killed" };
    }
    const running = this.#collect(run);
    this.#running = running;
    return await running;
  }

  metadata(series: string): MetricMetadata | undefined {
    const known = this.#metadata.get(series);
    if (known !== undefined || this.#settings.format !== "json") return known;
    return seriesMetadata(series, { name: this.#name, metadata: this.#settings });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #collect({ at_ms, timeout_ms }: Run): Promise<Outcome> {
    const { cwd, env = [], bytes_max, format } = this.#settings;
    const { clock, slots } = this.#context;
    const user = this.#settings.user === undefined
      ? undefined
      : await findUser(this.#settings.user);
    if (user !== undefined && "fault" in user) return failed(user.fault);
    using _slot = await slots.take(this.#stop.signal);
    if (this.#stop.signal.aborted) return { kind: "lost", message: "it was stopped" };
    const result = await runChild({
      argv: execArgv(this.#settings),
      cwd,
      env: childEnvironment(env, { user }),
      user,
      timeout_ms,
      bytes_max,
      clock,
      signal: this.#stop.signal,
    });
    if (result.kind !== "ended") return this.#notEnded(result, timeout_ms);
    if (result.killed_by !== null) {
      return failed(`was ended by ${result.killed_by}`, result.stderr);
    }
    if (format === "nagios") return this.#plugin(result);
    if (result.code !== 0) return failed(`ended with exit code ${result.code}`, result.stderr);
    return format === "json"
      ? readJson(result.stdout, { name: this.#name, at_ms })
      : this.#exposition(result.stdout);
  }

  #notEnded(result: Exclude<ChildResult, { kind: "ended" }>, timeout_ms: number): Outcome {
    if (result.kind === "not_started") return failed(`cannot be started: ${result.reason}`);
    this.#hanging = true;
    void result.gone.then(() => this.#hanging = false);
    if (result.kind === "stopped") return { kind: "lost", message: "it was stopped" };
    if (result.kind === "timeout") {
      return { kind: "timeout", message: `did not finish within ${timeout_ms} ms` };
    }
    const { bytes_max } = this.#settings;
    return failed(`printed more than bytes_max (${bytes_max}); it was ended`, result.stderr);
  }

  #plugin({ code, stdout, stderr }: Extract<ChildResult, { kind: "ended" }>): Outcome {
    if (code >= PLUGIN_STATES.length) return failed(`ended with exit code ${code}`, stderr);
    const { description } = this.#settings;
    // A plugin that has nothing to print has often complained.
    const output = stdout.trim() === "" ? stderr : stdout;
    const read = pluginSeries(output, { name: this.#name, code, description });
    this.#metadata = read.metadata;
    const told = `${code} ${read.text.replaceAll(/\d+/g, "#")}`;
    // Numbers in the text of a plugin that is content change all the time and say nothing new.
    const message = code > 0 || told !== this.#told ? { message: read.text } : {};
    this.#told = told;
    read.series.set(this.#name, { value: code, ...message });
    return { kind: "done", series: read.series, note: read.note };
  }

  #exposition(stdout: string): Outcome {
    const format = /(?:^|\n)# EOF\s*$/.test(stdout) ? "openmetrics" : "text";
    this.#reader ??= new ExpositionReader(expositionOptions(this.#settings));
    const read = this.#reader.read(stdout, format);
    if ("fault" in read) return failed(`did not print Prometheus text: ${read.fault}`);
    this.#metadata = read.metadata;
    return { kind: "done", series: read.series, note: unusableText(read) };
  }
}

function failed(message: string, stderr = ""): Outcome {
  const [line = ""] = stderr.trim().split("\n").slice(-1);
  const said = line === "" ? "" : `: ${line.slice(0, STDERR_CHARS_SHOWN)}`;
  return { kind: "failed", message: `${message}${said}` };
}

/** Reads what a script would have returned. */
export function readJson(json: string, options: { name: string; at_ms: number }): Outcome {
  try {
    JSON.parse(json);
  } catch {
    const shown = json.trim() === "" ? "nothing" : JSON.stringify(json.trim().slice(0, 60));
    return failed(`did not print JSON, but ${shown}`);
  }
  const read = readCollected(json, options);
  return "fault" in read ? failed(read.fault) : { kind: "done", series: read.series };
}
