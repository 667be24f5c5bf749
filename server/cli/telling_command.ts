/** `monitor channel …` and `monitor downtime …`: who is told, and when nobody is. */
import { Command } from "@commander-js/extra-typings";
import { SERVER_DESCRIPTION } from "./address.ts";
import { example, instant, type ReadingContext } from "./command.ts";
import { UsageError } from "./failure.ts";
import { parseDuration } from "./instant.ts";
import { tagPatterns } from "./tags.ts";
import { safeText } from "./text.ts";

/** For an option that may be given several times. */
function append(value: string, before: string[] | undefined): string[] {
  return [...before ?? [], value];
}

/** Seconds. */
function duration(option: string, text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms !== undefined && ms >= 1_000) return ms / 1000;
  throw new UsageError(
    `${option} must be 90s, 30m, 2h or 1d, at least a second: current value is "${safeText(text)}"`,
  );
}

function wholeId(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new UsageError(
    `the downtime must be a number from "downtime list": current value is "${safeText(text)}"`,
  );
}

function channelCommand(context: ReadingContext) {
  const list = new Command("list")
    .description("where messages go, and whether they arrive")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/channels")
    .action(async (options) => {
      const { listChannels } = await import("./channel.ts");
      await listChannels(options, context);
    });
  const test = new Command("test")
    .description("send a test message through a channel, now")
    .argument("<name>", "of a channel in the server's configuration")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of POST /api/v1/channels/<name>/test")
    .action(async (name, options) => {
      const { testChannel } = await import("./channel.ts");
      await testChannel(name, options, context);
    });
  return new Command("channel")
    .description("the ways messages go out; they are set in server_config.json")
    .addHelpText("after", example(["channel list", "channel test ops"]))
    .addCommand(list)
    .addCommand(test);
}

/** What `add` and `preview` have in common. */
function withSelection(name: string) {
  return new Command(name)
    .option("--host <pattern>", "of these hosts: web-1, web-*; can be repeated", append)
    .option("--tag <name=pattern>", "of hosts with this tag: env=prod; can be repeated", append)
    .option("--rule <pattern>", "about these rules only; can be repeated", append)
    .option("--all", "of everything")
    .option("--start <time>", "when it begins: now+1h, 2026-01-31T22:00 (now)")
    .option("--end <time>", "when it ends, in the same forms")
    .option("--for <time>", "how long it lasts instead: 30m, 2h, 1d")
    .option("--every <pattern>", 'again and again: a cron pattern such as "0 2 * * SUN"')
    .option("--zone <zone>", "the pattern's time zone (of this machine)")
    .option("--note <text>", "why, for everybody who wonders")
    .option("--server <url>", SERVER_DESCRIPTION);
}

interface Selection {
  host?: string[];
  tag?: string[];
  rule?: string[];
  all?: true;
  start?: string;
  end?: string;
  for?: string;
  every?: string;
  zone?: string;
  note?: string;
}

/** The body of `POST /api/v1/downtimes`. */
function bodyOf(given: Selection, { clock, env }: ReadingContext) {
  const now_ms = clock.now();
  const at = (option: string, text: string | undefined) =>
    text === undefined ? undefined : instant(text, { option, now_ms }) / 1000;
  const zone = given.every === undefined
    ? undefined
    : given.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return {
    hosts: given.host,
    tags: given.tag === undefined ? undefined : tagPatterns(given.tag),
    rules: given.rule,
    all: given.all,
    start: at("--start", given.start),
    end: at("--end", given.end),
    duration_s: given.for === undefined ? undefined : duration("--for", given.for),
    pattern: given.every,
    zone,
    note: given.note,
    created_by: env.SUDO_USER || env.USER || env.LOGNAME || undefined,
  };
}

function extendCommand(context: ReadingContext) {
  return new Command("extend")
    .description("let a downtime go on longer")
    .argument("<id>", "of a downtime", wholeId)
    .option("--by <time>", "by this long: 30m, 2h")
    .option("--until <time>", "until then: now+3h, 2026-01-31T23:00")
    .option("--server <url>", SERVER_DESCRIPTION)
    .addHelpText("after", example(["downtime extend 3 --by 1h"]))
    .action(async (id, { by, until, ...options }) => {
      if ((by === undefined) === (until === undefined)) {
        throw new UsageError("either --by or --until must be given");
      }
      const now_ms = context.clock.now();
      const body = by !== undefined
        ? { by_s: duration("--by", by) }
        : { end: instant(until ?? "", { option: "--until", now_ms }) / 1000 };
      const { extendDowntime } = await import("./downtime.ts");
      await extendDowntime({ id, body, ...options }, context);
    });
}

function listCommand(context: ReadingContext) {
  return new Command("list")
    .description("downtimes that are in force or to come")
    .option("--host <name>", "only those that are about this host")
    .option("--server <url>", SERVER_DESCRIPTION)
    .option("--json", "print the answer of GET /api/v1/downtimes")
    .action(async (options) => {
      const { listDowntimes } = await import("./downtime.ts");
      await listDowntimes(options, context);
    });
}

function downtimeCommand(context: ReadingContext) {
  const add = withSelection("add")
    .description("tell nobody of these hosts for a while")
    .addHelpText(
      "after",
      example([
        "downtime add --host web-1 --for 2h --note 'new kernel'",
        'downtime add --tag env=test --every "0 2 * * SUN" --for 3h --zone Europe/Berlin',
      ]),
    )
    .action(async ({ server, ...given }) => {
      const { addDowntime } = await import("./downtime.ts");
      await addDowntime({ server, body: bodyOf(given, context) }, context);
    });
  const preview = withSelection("preview")
    .description("which hosts and open incidents a downtime would be about, without making it")
    .option("--json", "print the answer of POST /api/v1/downtimes/preview")
    .addHelpText("after", example(["downtime preview --host 'web-*' --for 2h"]))
    .action(async ({ server, json, ...given }) => {
      const { previewDowntime } = await import("./downtime.ts");
      await previewDowntime({ server, json, body: bodyOf(given, context) }, context);
    });
  const end = new Command("end")
    .description("end a downtime now, or take back one that is to come")
    .argument("<id>", "of a downtime", wholeId)
    .option("--server <url>", SERVER_DESCRIPTION)
    .addHelpText("after", "\nOf a recurring one only what is in force ends; it comes again.")
    .action(async (id, options) => {
      const { endDowntime } = await import("./downtime.ts");
      await endDowntime({ id, ...options }, context);
    });
  return new Command("downtime")
    .description("times in which alerts are evaluated and nobody is told")
    .addHelpText("after", example(["downtime add --host web-1 --for 2h", "downtime list"]))
    .addCommand(listCommand(context))
    .addCommand(add)
    .addCommand(preview)
    .addCommand(extendCommand(context))
    .addCommand(end);
}

/** In the order the help lists them. */
export function tellingCommands(context: ReadingContext) {
  return [channelCommand(context), downtimeCommand(context)] as const;
}
