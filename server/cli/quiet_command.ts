/** `monitor silence …` and `monitor parent …`: what is no news. */
import { Command } from "@commander-js/extra-typings";
import { SERVER_DESCRIPTION } from "./address.ts";
import { example, type ReadingContext } from "./command.ts";
import { UsageError } from "./failure.ts";
import { parseDuration } from "./instant.ts";
import { safeText } from "./text.ts";

/** For an option that may be given several times. */
function append(value: string, before: string[] | undefined): string[] {
  return [...before ?? [], value];
}

/** `rule=disk*`, `host!=web-1`: a value with * or ? is a pattern. */
function matcherOf(text: string) {
  const [, label, not, value] = /^([^=!~\s]+)(!?)=(.+)$/s.exec(text) ?? [];
  if (label === undefined || value === undefined) {
    throw new UsageError(
      `--match must be label=value or label!=value, with * and ? as in patterns: ` +
        `current value is "${safeText(text)}"`,
    );
  }
  const sign = /[*?]/.test(value) ? "~" : "=";
  return { label, op: not === "!" ? `!${sign}` : sign, value };
}

function seconds(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1_000) return ms / 1000;
  throw new UsageError(
    `--for must be 90s, 30m, 2h or 1d, at least a second: current value is "${safeText(text)}"`,
  );
}

function silenceId(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new UsageError(
    `the silence must be a number from "silence list": current value is "${safeText(text)}"`,
  );
}

function silenceCommand(context: ReadingContext) {
  const list = new Command("list")
    .description("silences that are in force or to come")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/silences")
    .action(async (options) => {
      const { listSilences } = await import("./quiet.ts");
      await listSilences(options, context);
    });
  const add = new Command("add")
    .description("tell nobody of incidents with these labels for a while")
    .option(
      "--match <label=value>",
      "host=web-1, metric=disk.*, rule!=x, tag.env=test; all have to fit; can be repeated",
      append,
    )
    .requiredOption("--for <time>", "how long: 30m, 2h, 1d")
    .option("--note <text>", "why, for everybody who wonders")
    .option("--server <url>", SERVER_DESCRIPTION)
    .action(async ({ match = [], server, note, ...options }) => {
      if (match.length === 0) throw new UsageError("--match must be given at least once");
      const { addSilence } = await import("./quiet.ts");
      const body = { matchers: match.map(matcherOf), duration_s: seconds(options.for), note };
      await addSilence({ server, body }, context);
    });
  const end = new Command("end")
    .description("end a silence now")
    .argument("<id>", "of a silence", silenceId)
    .option("--server <url>", SERVER_DESCRIPTION)
    .action(async (id, options) => {
      const { endSilence } = await import("./quiet.ts");
      await endSilence({ id, ...options }, context);
    });
  return new Command("silence")
    .description("incidents nobody wants to hear of for a while, by their labels")
    .addHelpText("after", example(["silence add --match 'rule=Disk*' --match host=web-1 --for 2h"]))
    .addCommand(list)
    .addCommand(add)
    .addCommand(end);
}

function parentCommand(context: ReadingContext) {
  const list = new Command("list")
    .description("which hosts are behind which")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/parents")
    .action(async (options) => {
      const { listParents } = await import("./quiet.ts");
      await listParents(options, context);
    });
  const set = new Command("set")
    .description("say what a host is behind; without parents it is behind nothing")
    .argument("<host>")
    .argument("[parents...]", "switches, routers, hypervisors: hosts that report themselves")
    .option("--server <url>", SERVER_DESCRIPTION)
    .action(async (host, parents, options) => {
      const { setParents } = await import("./quiet.ts");
      await setParents({ host, parents, ...options }, context);
    });
  return new Command("parent")
    .description("what hosts are behind: while all of it is silent, their silence is no news")
    .addHelpText("after", example(["parent set web-1 switch-1"]))
    .addCommand(list)
    .addCommand(set);
}

/** In the order the help lists them. */
export function quietCommands(context: ReadingContext) {
  return [silenceCommand(context), parentCommand(context)] as const;
}
