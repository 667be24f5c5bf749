/** What to do when there is nothing yet: commands that work as they stand. */
import { useState } from "preact/hooks";
import { TEXT } from "./text.ts";

export function FirstRun() {
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
      <pre style={{ flex: 1 }}>{text}</pre>
      <button type="button" onClick={copy}>{copied ? TEXT.first.copied : TEXT.first.copy}</button>
    </div>
  );
}
