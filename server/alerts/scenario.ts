/**
 * The language of scenarios: samples in, notifications out, on a clock of its own. docs/alerts.md has
 * it from the user's side.
 *
 *   rules:                                      YAML, as in a rules file; or `rules_file: alerts.yaml`
 *     - {name: High cpu, metric: cpu, condition: above, threshold: 90, for: 1m}
 *   hosts: {a: {env: prod}}                     tags of hosts, where rules ask for them
 *   ---
 *   load cpu{host=a} every 10s: 10 10 95x12     from 0s on; `_` is no value, 95x12 twelve times 95,
 *                                               10+2x5 five values rising by 2
 *   load cpu{host=a} from 1h every 10s came at 2h: 95x12     sent late, all at once
 *   at 1m30s: alert "High cpu" a cpu pending
 *   at 2m: told firing "High cpu" a cpu critical
 *   at 3m: told nothing
 *   at 4m: restart for 30s | database away for 1m | clock +1h | rule "High cpu" {for: 5m}
 *          | delete "High cpu" | disable "High cpu" | enable "High cpu" | resolve "High cpu" a
 *
 * `told` names everything since the `told` before it; at the end nothing may be left over. What happens at a time happens in this order: samples, the look at the time, the lines.
 */
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { type RuleInput, ruleSchema } from "./rule_schema.ts";
import { PlacedError, type PlacedFault, readPlaced, readYaml } from "./yaml_place.ts";

export interface ScenarioSample {
  /** Since the start of the scenario. */
  at_ms: number;
  arrives_ms: number;
  host: string;
  metric: string;
  value: number;
}

export type Action =
  | { kind: "alert"; words: string[] }
  | { kind: "told"; messages: string[][] }
  | { kind: "restart"; for_ms: number }
  | { kind: "away"; for_ms: number }
  | { kind: "clock"; by_ms: number }
  | { kind: "rule"; name: string; change: object }
  | { kind: "delete" | "disable" | "enable"; name: string }
  | { kind: "resolve"; rule: string; host: string };

export interface ScenarioLine {
  line: number;
  text: string;
  at_ms: number;
  action: Action;
}

export interface Scenario {
  file: string;
  rules: RuleInput[];
  hosts: Record<string, Record<string, string>>;
  samples: ScenarioSample[];
  lines: ScenarioLine[];
  /** When nothing happens any more. */
  end_ms: number;
}

/** A day of ten seconds for some series; more is a benchmark. */
const SAMPLES_MAX = 500_000;
const SCENARIO_MS_MAX = 60 * 86_400_000;

const headSchema = z.strictObject({
  rules: z.array(ruleSchema).optional(),
  rules_file: z.string().optional(),
  hosts: z.record(z.string(), z.record(z.string(), z.string())).default({}),
}, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? undefined
      : "must begin with rules: […] or rules_file: NAME, and have --- before its first line",
}).refine(({ rules, rules_file }) => (rules === undefined) !== (rules_file === undefined), {
  error: "must have either rules or rules_file",
});

/**
 * Reads a scenario.
 *
 * @param options.readRules gives the rules of a rules file named in it
 * @throws PlacedError with the place of each fault
 */
export function parseScenario(
  text: string,
  options: { file: string; readRules: (name: string) => RuleInput[] },
): Scenario {
  const { file } = options;
  const lines = text.split("\n");
  const end = lines.findIndex((line) => line.trim() === "---");
  if (end < 0) {
    throw new PlacedError(file, [{
      line: 1,
      column: 1,
      message: "must have a line --- between the rules and what happens",
    }]);
  }
  const yaml = readYaml(lines.slice(0, end).join("\n"), { file });
  const head = readPlaced(yaml, headSchema, file);
  const rules = head.rules_file === undefined
    // checked just now: what was written is of this form
    ? (yaml.value as { rules: RuleInput[] }).rules
    : options.readRules(head.rules_file);
  const scenario: Scenario = {
    file,
    rules,
    hosts: head.hosts,
    samples: [],
    lines: [],
    end_ms: 0,
  };
  const faults: PlacedFault[] = [];
  lines.slice(end + 1).forEach((raw, index) => {
    const line = end + 2 + index;
    const content = withoutComment(raw).trim();
    if (content === "") return;
    try {
      addLine(scenario, content, line);
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      faults.push({ line, column: raw.search(/\S/) + 1, message: error.message });
    }
  });
  if (faults.length > 0) throw new PlacedError(file, faults);
  scenario.lines.sort((a, b) => a.at_ms - b.at_ms || a.line - b.line);
  scenario.samples.sort((a, b) => a.arrives_ms - b.arrives_ms || a.at_ms - b.at_ms);
  scenario.end_ms = Math.max(
    scenario.lines.at(-1)?.at_ms ?? 0,
    scenario.samples.at(-1)?.arrives_ms ?? 0,
  );
  return scenario;
}

class LineFault extends Error {}

function tooMany(): LineFault {
  return new LineFault(`has more than ${SAMPLES_MAX} samples`);
}

function withoutComment(line: string): string {
  // a # in a name in quotes is none
  return /^((?:[^"#]|"(?:[^"\\]|\\.)*")*)#/.exec(line)?.[1] ?? line;
}

function addLine(scenario: Scenario, text: string, line: number): void {
  if (text.startsWith("load ")) {
    // one by one: they are more than a call may have arguments
    for (const sample of samplesOf(text)) scenario.samples.push(sample);
    if (scenario.samples.length > SAMPLES_MAX) throw tooMany();
    return;
  }
  const [, when, what = ""] = /^at ([^:]+?)\s*:\s*(.*)$/s.exec(text) ?? [];
  if (when === undefined) throw new LineFault("must begin with load or at TIME:");
  scenario.lines.push({ line, text, at_ms: time(when), action: actionOf(what) });
}

function time(text: string): number {
  const ms = parseDuration(text.trim());
  if (ms === undefined || ms > SCENARIO_MS_MAX) {
    throw new LineFault(`must have a time such as 90s, 5m or 1h30m: current value is "${text}"`);
  }
  return Math.round(ms);
}

const LOAD =
  /^load (.+)\{host=([^{}]+)\}(?: from (\S+))? every (\S+?)(?: came at (\S+?))?\s*:\s*(.*)$/;

function samplesOf(text: string): ScenarioSample[] {
  const [, metric = "", host = "", from = "0s", every = "", came, values = ""] = LOAD.exec(text) ??
    [];
  if (metric === "") {
    throw new LineFault("must be load METRIC{host=NAME} [from TIME] every TIME [came at TIME]: …");
  }
  const [from_ms, every_ms] = [time(from), time(every)];
  if (every_ms <= 0) throw new LineFault("must have more than 0s between samples");
  const came_ms = came === undefined ? undefined : time(came);
  const samples: ScenarioSample[] = [];
  let at_ms = from_ms;
  let count = 0;
  for (const word of values.split(/\s+/).filter((one) => one !== "")) {
    for (const value of valuesOf(word)) {
      // those that are left out count, too
      if (++count > SAMPLES_MAX) throw tooMany();
      if (value !== undefined) {
        samples.push({ at_ms, arrives_ms: came_ms ?? at_ms, host, metric, value });
      }
      at_ms += every_ms;
    }
  }
  return samples;
}

const VALUE = /^(_|[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:([-+]\d*\.?\d+))?(?:x(\d+))?$/;

function* valuesOf(word: string): Generator<number | undefined> {
  const [, first, change = "0", times = "1"] = VALUE.exec(word) ?? [];
  if (first === undefined) {
    throw new LineFault(`must have values such as 5, _, 95x12 or 10+2x5: there is "${word}"`);
  }
  const count = Math.min(Number(times), SAMPLES_MAX);
  for (let i = 0; i < count; i++) {
    yield first === "_" ? undefined : Number(first) + Number(change) * i;
  }
}

/** Words, those in quotes as one. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)]
    .map(([word, quoted]) => quoted === undefined ? word : quoted.replace(/\\(.)/g, "$1"));
}

const ACTIONS =
  "alert, told, restart, database away, clock, rule, delete, disable, enable, resolve";

function actionOf(text: string): Action {
  const [verb = "", first = "", ...rest] = wordsOf(text);
  const more = rest.at(-1) ?? "";
  switch (verb) {
    case "alert":
      if (rest.length < 2) throw new LineFault("must be alert RULE HOST [METRIC] STATE");
      return { kind: "alert", words: [first, ...rest] };
    case "told":
      return { kind: "told", messages: messagesOf(text.slice("told".length)) };
    case "restart":
      return { kind: "restart", for_ms: first === "for" ? time(more) : 0 };
    case "database":
      if (first !== "away") throw new LineFault("must be database away for TIME");
      return { kind: "away", for_ms: time(more) };
    case "clock": {
      const [, sign, by = ""] = /^([-+])(.+)$/.exec(first) ?? [];
      if (sign === undefined) throw new LineFault("must be clock +TIME or clock -TIME");
      return { kind: "clock", by_ms: sign === "-" ? -time(by) : time(by) };
    }
    case "rule":
      return { kind: "rule", name: first, change: changeOf(text) };
    case "delete":
    case "disable":
    case "enable":
      return { kind: verb, name: first };
    case "resolve":
      return { kind: "resolve", rule: first, host: more };
    default:
      throw new LineFault(`must be one of ${ACTIONS}: there is "${verb}"`);
  }
}

function messagesOf(text: string): string[][] {
  if (text.trim() === "nothing") return [];
  const messages = text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map(wordsOf);
  const wrong = messages.find(([kind = ""]) =>
    !["firing", "severity", "resolved", "flapping"].includes(kind)
  );
  if (wrong === undefined) return messages;
  throw new LineFault(
    "must be told nothing, or told firing|severity|resolved|flapping RULE HOST …",
  );
}

/** The part in braces, which is YAML. */
function changeOf(text: string): object {
  const at = text.indexOf("{");
  if (at < 0) throw new LineFault('must be rule "NAME" {for: 5m}');
  const { value } = readYaml(text.slice(at), { file: "rule" });
  if (typeof value !== "object" || value === null) throw new LineFault("must be {setting: value}");
  return value;
}
