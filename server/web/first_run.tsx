/** What to do when there is nothing yet: commands that work as they stand. */
import { useState } from "preact/hooks";
import { request } from "./api.ts";
import { faultText } from "./dialog.tsx";
import { may, session } from "./session.ts";
import { TEXT } from "./text.ts";

export function FirstRun() {
  if (session.value?.mode === "required") return <FirstAgent />;
  const server = location.origin;
  return (
    <section class="empty">
      <h1>{TEXT.first.title}</h1>
      <p />
      <p>{TEXT.first.why}</p>
      <Command text={`monitor agent --server ${server}`} />
      <h2>{TEXT.first.other}</h2>
      <Command text={`monitor agent --server http://<this-server>:${location.port || 80}`} />
      <h2>{TEXT.first.own}</h2>
      <Command
        text={`curl -s ${server}/metrics -d '{"hostname": "web-1", "metrics": {"orders": 12}}'`}
      />
    </section>
  );
}

/** The same where agents need a token. */
function FirstAgent() {
  const [token, setToken] = useState<string | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const make = async () => {
    try {
      const body = { role: "agent", label: TEXT.first.token_label };
      const made = await request<{ token: string }>("/api/v1/tokens", { method: "POST", body });
      setToken(made.token);
    } catch (fault) {
      setError(faultText(fault));
    }
  };
  return (
    <section class="empty">
      <h1>{TEXT.first.title}</h1>
      <p />
      <p>{TEXT.first.needs_token}</p>
      {token !== undefined && <AgentCommand token={token} />}
      {token === undefined && may("admin") && (
        <button
          type="button"
          class="primary"
          onClick={() => void make()}
        >
          {TEXT.first.make_token}
        </button>
      )}
      {error !== undefined && <div class="banner error" role="alert">{error}</div>}
      {!may("admin") && (
        <>
          <p>{TEXT.first.ask_admin}</p>
          <Command text="monitor token create --role agent --label web-1 --hostname web-1" />
        </>
      )}
    </section>
  );
}

/** What to type on the machine that is to be watched. */
export function AgentCommand({ token }: { token: string }) {
  return (
    <>
      <p>{TEXT.tokens.agent}</p>
      <Command text={`MONITOR_AGENT_TOKEN=${token} monitor agent --server ${location.origin}`} />
    </>
  );
}

/** A line to copy. */
export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 2_000);
    });
  return (
    <div class="bar">
      <pre style={{ flex: 1 }} tabIndex={0}>{text}</pre>
      <button type="button" onClick={copy}>{copied ? TEXT.first.copied : TEXT.first.copy}</button>
    </div>
  );
}
