/** What an agent's collectors do on a host: how often they run, fail, how long they take. */
import { type CollectorCost, collectorsOf } from "./collector_costs.ts";
import { absoluteText, agoText, NOTHING, valueText } from "./format.ts";
import { now_s } from "./live.ts";
import type { Message } from "./chart_messages.ts";
import { TEXT } from "./text.ts";

interface CollectorsProps {
  metrics: Readonly<Record<string, number>>;
  messages: readonly Message[];
}

export function Collectors({ metrics, messages }: CollectorsProps) {
  const rows = collectorsOf(metrics);
  if (rows.length === 0 && messages.length === 0) {
    return (
      <div class="empty">
        <p>{TEXT.host.no_collectors}</p>
      </div>
    );
  }
  return (
    <>
      {rows.length > 0 && <Costs rows={rows} />}
      {messages.length > 0 && <Messages messages={messages} />}
    </>
  );
}

/** More are in `monitor export`. */
const MESSAGES_SHOWN = 50;

function Messages({ messages }: Pick<CollectorsProps, "messages">) {
  return (
    <>
      <h2>{TEXT.host.messages}</h2>
      <table class="table scrolls" tabIndex={0}>
        <tbody>
          {messages.slice(0, MESSAGES_SHOWN).map(({ metric, at, message }) => (
            <tr key={`${at} ${metric}`}>
              <td class="soft" title={absoluteText(at)}>{agoText(at, now_s.value)}</td>
              <td>
                <bdi>{metric}</bdi>
              </td>
              <td>
                <bdi>{message}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Costs({ rows }: { rows: readonly CollectorCost[] }) {
  const total_ms = rows.reduce((sum, { ms }) => sum + ms, 0);
  const own = TEXT.host.collector;
  return (
    <table class="table scrolls" tabIndex={0}>
      <thead>
        <tr>
          <th>{own.name}</th>
          {[own.runs, own.errors, own.time, own.share, own.bytes].map((text) => (
            <th key={text} class="number">{text}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, runs, errors, ms, bytes }) => (
          <tr key={name}>
            <td>
              <bdi>{name}</bdi>
            </td>
            <td class="number">{valueText(runs, null)}</td>
            <td class={`number ${errors > 0 ? "failed" : ""}`}>{valueText(errors, null)}</td>
            <td class="number">{runs === 0 ? NOTHING : valueText(ms / runs, "ms")}</td>
            <td class="number">{total_ms === 0 ? NOTHING : valueText(ms / total_ms * 100, "%")}</td>
            <td class="number">{runs === 0 ? NOTHING : valueText(bytes / runs, "B")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
