/** `monitor channel list | test`. */
import { type ChannelAnswer, channelsSchema, channelTestSchema } from "../wire/channel.ts";
import { connectClient, type ReadingContext } from "./command.ts";
import { CommandError } from "./failure.ts";
import { formatAge } from "./instant.ts";
import { layoutTable } from "./table.ts";
import { styled } from "./terminal.ts";
import { safeJson, safeText } from "./text.ts";

interface Asked {
  server?: string;
  json?: true;
}

/** The lines of the table, header first; under a channel that fails stands why. */
export function channelLines(
  channels: readonly ChannelAnswer[],
  { columns, now_ms }: { columns: number; now_ms: number },
): string[] {
  const age = (at_s: number | null) => at_s === null ? "" : formatAge(now_ms - at_s * 1000);
  const lines = layoutTable({
    columns: [
      { header: "CHANNEL" },
      { header: "KIND" },
      { header: "ROUTES" },
      { header: "WAITING", align: "right", whole: true },
      { header: "LAST TOLD", align: "right", whole: true },
      { header: "STATE", whole: true },
    ],
    rows: channels.map((channel) => [
      channel.name,
      channel.kind,
      channel.routes.join(", ") || "none",
      `${channel.waiting}`,
      age(channel.last_success),
      channel.last_error !== null ? "fails" : channel.last_success !== null ? "works" : "not used",
    ]),
  }, columns);
  return lines.flatMap((line, index) => {
    const channel = channels[index - 1];
    if (channel === undefined || channel.last_error === null) return [line];
    return [line, `  ${age(channel.last_failure)} ago: ${safeText(channel.last_error)}`];
  });
}

export async function listChannels(
  { server, json }: Asked,
  { terminal, clock, env }: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, env);
  const answer = await client.ask(channelsSchema, "/api/v1/channels");
  if (json) {
    terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
    return;
  }
  if (answer.channels.length === 0) {
    terminal.err("No channel is set: docs/notifications.md says how, in server_config.json\n");
    return;
  }
  const [header = "", ...lines] = channelLines(answer.channels, {
    columns: terminal.columns,
    now_ms: clock.now(),
  });
  terminal.out([styled(terminal, "bold", header), ...lines].join("\n") + "\n");
}

/** Throws CommandError when the test did not arrive. */
export async function testChannel(
  name: string,
  { server, json }: Asked,
  { terminal, env }: ReadingContext,
): Promise<void> {
  const client = await connectClient(server, env);
  const path = `/api/v1/channels/${encodeURIComponent(name)}/test`;
  const answer = await client.ask(channelTestSchema, path, { method: "POST" });
  if (json) terminal.out(`${safeJson(answer, terminal.out_is_terminal ? 2 : undefined)}\n`);
  else if (answer.outcome === "delivered") {
    terminal.out(`The channel "${safeText(name)}" took a test message in ${answer.took_ms} ms\n`);
  }
  if (answer.outcome === "delivered") return;
  throw new CommandError(`Cannot send through the channel "${name}"`, {
    cause: safeText(answer.why ?? "it did not say why"),
    hint: answer.outcome === "permanent"
      ? "repair its settings in server_config.json and start the server again"
      : "look at the receiver; a real message would be tried again by itself",
  });
}
