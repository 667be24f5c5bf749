/**
 * Any program of this machine: the notification comes as JSON on its standard input and, for simple
 * scripts, as variables `MONITOR_…`. Nothing goes through a shell, so no name of a host can be a
 * command. Its exit code says how it went, as sysexits.h has it:
 *
 *   0                delivered
 *   64, 65, 77, 78   usage, data, permission, configuration: it would fail again
 *   anything else    tried again; killed when its time is up, and tried again
 */
import { z } from "zod";
import type { ChannelKind, Delivery, Notification, SendContext } from "./channel.ts";
import { startDeadline } from "./deadline.ts";
import { commonFields, objectField, textField } from "./fields.ts";
import { bodyOf, severityOf, titleOf } from "./message.ts";

const configSchema = objectField({
  kind: z.literal("command"),
  ...commonFields,
  command: z.array(textField("the program and its arguments, each a text"), {
    error: 'must be a list […] of the program and its arguments: ["/usr/local/bin/tell", "ops"]',
  }).min(1, { error: "must have at least the program" }),
});

type Config = z.infer<typeof configSchema>;

const PERMANENT_CODES = [64, 65, 77, 78];
const STDERR_CHARS_MAX = 200;
/** What a program wrote before it ended is there by then. */
const DRAIN_MS = 100;
/** What a program may rely on; secrets of the server's environment are not handed on. */
const INHERITED = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SystemRoot"];

function environment(notification: Notification): Record<string, string> {
  const [first] = notification.incidents;
  const inherited = INHERITED.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(inherited),
    MONITOR_KEY: notification.key,
    MONITOR_GROUP_KEY: notification.group_key,
    MONITOR_STATUS: notification.status,
    MONITOR_REASON: notification.reason,
    MONITOR_SEVERITY: severityOf(notification),
    MONITOR_TITLE: titleOf(notification),
    MONITOR_TEXT: bodyOf(notification),
    MONITOR_RULE: first?.rule ?? "",
    MONITOR_HOSTNAME: first?.hostname ?? "",
    MONITOR_METRIC: first?.metric ?? "",
    MONITOR_VALUE: String(first?.value ?? ""),
  };
}

async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // a program need not read what it is given
  }
}

/** The end of what it wrote. A program it left behind may hold the pipe for ever: it is not waited for. */
async function readErrors(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stderr.getReader();
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  child.status.then(() => timer = setTimeout(() => reader.cancel().catch(() => {}), DRAIN_MS));
  let text = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
    if (done) break;
    text = (text + decoder.decode(value, { stream: true })).slice(-STDERR_CHARS_MAX);
  }
  await child.status;
  clearTimeout(timer);
  return text;
}

function start(config: Config, notification: Notification, signal: AbortSignal) {
  const [program = "", ...args] = config.command;
  return new Deno.Command(program, {
    args,
    clearEnv: true,
    env: environment(notification),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    signal,
  }).spawn();
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none of this name";
  return error instanceof Error ? error.message : String(error);
}

async function run(
  config: Config,
  notification: Notification,
  { signal }: SendContext,
): Promise<Delivery> {
  const [program = ""] = config.command;
  using deadline = startDeadline(config.timeout_s, signal);
  let child: Deno.ChildProcess;
  try {
    child = start(config, notification, deadline.signal);
  } catch (error) {
    return { outcome: "permanent", why: `Cannot run "${program}": ${whyNot(error)}` };
  }
  const [{ code }, errors] = await Promise.all([
    child.status,
    readErrors(child),
    feed(child, JSON.stringify(notification)),
  ]);
  if (code === 0) return { outcome: "delivered" };
  if (deadline.late) {
    return {
      outcome: "retryable",
      why: `"${program}" was not done within ${config.timeout_s} s and was ended`,
    };
  }
  const said = errors.replaceAll(/\p{C}+|\s+/gu, " ").trim();
  const why = `"${program}" ended with exit code ${code}${said === "" ? "" : `: ${said}`}`;
  return { outcome: PERMANENT_CODES.includes(code) ? "permanent" : "retryable", why };
}

export const command: ChannelKind<Config> = {
  kind: "command",
  secrets: [],
  configSchema,
  send: run,
};
