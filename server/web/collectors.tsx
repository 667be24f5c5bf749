/** A host's agent, and its collectors: what they may do, how often they run and fail, what they cost. */
import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { type AgentSaid, type CollectorCost, collectorsOf } from "./collector_costs.ts";
import { absoluteText, agoText, NOTHING, valueText } from "./format.ts";
import { now_s } from "./live.ts";
import type { Message } from "./chart_messages.ts";
import { TEXT } from "./text.ts";

interface CollectorsProps {
  hostname: string;
  metrics: Readonly<Record<string, number>>;
  messages: readonly Message[];
}

const AGAIN_MS = 60_000;

/** What the agent says about itself: told by it at its start, when something changes, and each hour. */
function useAgent(hostname: string): AgentSaid | null {
  const [agent, setAgent] = useState<AgentSaid | null>(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setAgain((turn) => turn + 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, [hostname]);
  useAnswer<{ agent: AgentSaid | null }>(`/api/v1/hosts/${encodeURIComponent(hostname)}/agent`, {
    take: (answer) => setAgent(answer.agent),
    again,
  });
  return agent;
}

export function Collectors({ hostname, metrics, messages }: CollectorsProps) {
  const agent = useAgent(hostname);
  const rows = collectorsOf(metrics, agent);
  if (rows.length === 0 && messages.length === 0) {
    return (
      <div class="empty">
        <p>{TEXT.host.no_collectors}</p>
      </div>
    );
  }
  return (
    <>
      {agent !== null && (
        <p class="soft">
          <bdi>{TEXT.host.agent(agent.version)}</bdi>
          {[agent.os, agent.kernel, agent.arch].map((word) => (
            <span key={word}>
              {" · "}
              <bdi>{word}</bdi>
            </span>
          ))}
        </p>
      )}
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
          <th class="number">{own.every}</th>
          <th>{own.permissions}</th>
          {[own.runs, own.errors, own.time, own.share, own.bytes].map((text) => (
            <th key={text} class="number">{text}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, runs, errors, ms, bytes, every_s, permissions, error }) => (
          <tr key={name}>
            <td>
              <bdi>{name}</bdi>
              {error !== undefined && (
                <small class="failed">
                  <bdi>{error}</bdi>
                </small>
              )}
            </td>
            <td class="number">
              {every_s === null ? own.never : valueText(every_s, "s")}
            </td>
            <td class="permissions soft">
              <bdi>{permissions ?? NOTHING}</bdi>
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
