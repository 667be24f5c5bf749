/** `monitor simulate`: what a person sees of server/feed/simulate.ts. */
import { HOSTNAME_CHARS_MAX, nameFault } from "../../report.ts";
import { Fleet } from "../feed/fleet.ts";
import { httpPost } from "../feed/post.ts";
import { type SimulateAccount, type SimulateState, Simulation } from "../feed/simulate.ts";
import { defaultServer, defaultToken, serverUrl, tokenHeader } from "./address.ts";
import type { ReadingContext } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { formatTime } from "./instant.ts";
import { formatCount, formatDuration, showMeter } from "./meter.ts";
import { graceAfter, listenForStop } from "./signals.ts";
import { trusting } from "./trust.ts";
import { safeJson, safeText } from "./text.ts";

export interface SimulateCommandOptions {
  hosts: number;
  metrics: number;
  interval_ms: number;
  days: number;
  seed: number;
  rate: number;
  batch: number;
  connections: number;
  prefix: string;
  live: boolean;
  json: boolean;
  server?: string;
}

function accountLines(account: SimulateAccount, took_ms: number): string[] {
  const { sent, stored, duplicate, refused, samples, requests } = account;
  const per_second = (count: number) => formatCount(count / Math.max(1, took_ms) * 1000);
  return [
    `sent       ${sent} reports, ${samples} samples in ${formatDuration(took_ms)} ` +
    `(${per_second(sent)} reports/s, ${per_second(samples)} samples/s, ${requests} requests)`,
    `stored     ${stored}`,
    `duplicate  ${duplicate}`,
    `refused    ${refused}`,
  ];
}

/** Throws CommandError when a report was refused, or the server takes nothing. */
export async function runSimulate(
  options: SimulateCommandOptions,
  context: ReadingContext,
): Promise<void> {
  const { terminal, clock, env } = context;
  const fault = nameFault(`${options.prefix}1234567`, HOSTNAME_CHARS_MAX);
  if (fault !== undefined) throw new UsageError(`--prefix makes names of hosts, which ${fault}`);
  const server = serverUrl(options.server ?? defaultServer(env));
  using stop = listenForStop(terminal);
  const meter = showMeter(terminal, { label: "simulate", unit: "reports", clock });
  const begun_ms = clock.monotonic();
  const simulation = new Simulation({
    ...options,
    fleet: new Fleet(options),
    post: httpPost(server, clock, {
      headers: tokenHeader(defaultToken(env)),
      client: trusting(env),
    }),
    server,
    clock,
    signal: stop.signal,
    give_up: graceAfter(stop, clock),
    onProgress: ({ account, at_ms, fraction, waiting }: SimulateState) =>
      meter.update({
        done: account.sent,
        fraction,
        note: waiting === undefined ? formatTime(at_ms) : `waiting: ${waiting}`,
      }),
  });
  const { account } = simulation;
  try {
    await simulation.run();
  } finally {
    meter.done();
    const took_ms = clock.monotonic() - begun_ms;
    if (options.json) {
      const seconds = Math.round(took_ms) / 1000;
      const complete = !stop.signal.aborted || options.live;
      terminal.out(`${safeJson({ ...account, seconds, complete })}\n`);
    } else terminal.out(`${accountLines(account, took_ms).join("\n")}\n`);
    for (const reason of account.reasons) terminal.err(`refused: ${safeText(reason)}\n`);
  }
  // who lets it run in real time ends it this way
  if (stop.signal.aborted && !options.live) {
    throw new CommandError("Stopped before all was sent", {
      hint: "run it again: what is stored already is not stored twice",
    });
  }
  if (account.refused > 0) {
    throw new CommandError(`${account.refused} of ${account.sent} reports were refused`, {
      hint: "the reasons are above; --days beyond the server's ingest.past_days_max are refused",
    });
  }
}
