/** What a scenario expects, compared with what is. */
import type { Alert } from "./watched_host.ts";

/** Something that was told. */
export interface Told {
  words: string[];
  shown: string;
}

/** What is wrong with `alert RULE HOST [METRIC] STATE`, or undefined. */
export function alertFault(words: readonly string[], alerts: Iterable<Alert>): string | undefined {
  const [rule = "", host = "", ...rest] = words;
  const states = [...alerts]
    .filter(({ active, host: { row } }) => active.rule.name === rule && row.hostname === host)
    .map(stateOf);
  const isThere = states.some((state) => isSubsequence(rest, state));
  const isNone = rest.at(-1) === "inactive" &&
    !states.some((state) => isSubsequence(rest.slice(0, -1), state) && !state.includes("inactive"));
  if (isThere || isNone) return undefined;
  const found = states.map((state) => state.join(" ")).join(", ") || "inactive";
  return `expected ${rest.join(" ")}, it is: ${found}`;
}

function stateOf({ metric, machine, unknown }: Alert): string[] {
  const state = machine.severity !== null
    ? ["firing", machine.severity]
    : [machine.levels.some(({ phase }) => phase === "pending") ? "pending" : "inactive"];
  const why = unknown === null ? [] : ["unknown", unknown];
  return [...(metric === "" ? [] : [metric]), ...state, ...why];
}

/** What is wrong with `told …`, or undefined. What is told at one time has no order among hosts. */
export function toldFault(
  messages: readonly string[][],
  since: readonly Told[],
): string | undefined {
  const left = [...since];
  const missing = messages.filter((words) => {
    const at = left.findIndex((told) => isSubsequence(words, told.words));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  if (missing.length === 0 && left.length === 0) return undefined;
  const wanted = messages.map((words) => words.map(quoted).join(" ")).join(", ") || "nothing";
  const found = since.map(({ shown }) => shown).join(", ") || "nothing";
  return `expected told ${wanted}; it was ${found}`;
}

/** Are these words there, in this order? */
function isSubsequence(words: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  for (const word of all) if (word === words[at]) at++;
  return at === words.length;
}

export function quoted(word: string): string {
  return /\s/.test(word) ? JSON.stringify(word) : word;
}
