/** Where messages go, whether they arrive, and a test of each. */
import { useEffect, useState } from "preact/hooks";
import type { ChannelAnswer, ChannelTestAnswer } from "../wire/channel.ts";
import { request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { absoluteText, agoText, valueText } from "./format.ts";
import { now_s } from "./live.ts";
import { may } from "./session.ts";
import { Failure, Skeletons } from "./skeletons.tsx";
import type { State } from "./state.ts";
import { StateMark } from "./state_mark.tsx";
import { TEXT } from "./text.ts";

const T = TEXT.alerts.channels;
const AGAIN_MS = 10_000;
const EXAMPLE = `"channels": { "ops": { "kind": "webhook", "url": "https://example.com/hook" } }`;

export function Channels() {
  const [channels, setChannels] = useState<ChannelAnswer[] | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const read = () => {
    request<{ channels: ChannelAnswer[] }>("/api/v1/channels").then((answer) => {
      setChannels(answer.channels);
      setError(undefined);
    }, (fault) => setError(faultText(fault)));
  };
  useEffect(() => {
    read();
    const timer = setInterval(read, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      {error !== undefined && <Failure error={error} onRetry={read} />}
      {channels === undefined
        ? error === undefined && <Skeletons />
        : channels.length === 0
        ? (
          <div class="empty">
            <p>{T.none}</p>
            <p class="soft">{T.none_why}</p>
            <pre tabIndex={0}>{EXAMPLE}</pre>
          </div>
        )
        : (
          <ul class="incidents">
            {channels.map((channel) => (
              <Channel key={channel.name} channel={channel} onTested={read} />
            ))}
          </ul>
        )}
    </>
  );
}

function stateOf({ routes, last_error, last_failure, last_success }: ChannelAnswer): State {
  if (last_error !== null && last_failure !== null) return "critical";
  if (routes.length === 0) return "warning";
  return last_success === null ? "unknown" : "ok";
}

function StateWords({ channel }: { channel: ChannelAnswer }) {
  const { routes, last_error, last_failure, last_success, waiting } = channel;
  const now = now_s.value;
  const failed = last_error !== null && last_failure !== null;
  const at_s = failed ? last_failure : last_success;
  return (
    <small class="soft facts">
      <span>{channel.kind}</span>
      <bdi>{routes.length === 0 ? T.no_routes : routes.join(", ")}</bdi>
      <span title={at_s === null ? undefined : absoluteText(at_s)}>
        {at_s === null
          ? T.unused
          : failed
          ? T.failed(agoText(at_s, now))
          : T.well(agoText(at_s, now))}
      </span>
      {failed && <bdi>{last_error}</bdi>}
      {waiting > 0 && <span>{T.waiting(waiting)}</span>}
    </small>
  );
}

function Channel({ channel, onTested }: { channel: ChannelAnswer; onTested: () => void }) {
  const [result, setResult] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const test = () => {
    setBusy(true);
    setResult(undefined);
    const path = `/api/v1/channels/${encodeURIComponent(channel.name)}/test`;
    request<ChannelTestAnswer>(path, { method: "POST" }).then(({ outcome, why, took_ms }) => {
      setResult(
        outcome === "delivered"
          ? T.delivered(valueText(took_ms / 1000, "s"))
          : T.refused(why ?? outcome),
      );
      onTested();
    }, (fault) => setResult(faultText(fault))).finally(() => setBusy(false));
  };
  return (
    <li class="incident">
      <StateMark state={stateOf(channel)} />
      <div class="what">
        <b>
          <bdi>{channel.name}</bdi>
        </b>
        <StateWords channel={channel} />
        {result !== undefined && (
          <div role="status">
            <bdi>{result}</bdi>
          </div>
        )}
      </div>
      <span class="buttons">
        <button
          type="button"
          disabled={busy || !may("operator")}
          title={may("operator") ? undefined : TEXT.needs_operator}
          onClick={test}
        >
          {busy ? T.testing : T.test}
        </button>
      </span>
    </li>
  );
}
