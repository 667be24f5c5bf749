/** What nginx says about its connections: the page of its module `stub_status`. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Connections and requests of nginx",
  kind: "gauge",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "url",
      description: "Servers to ask",
      fields: {
        url: {
          type: "url",
          required: true,
          description: 'The page of stub_status, such as "http://localhost/nginx_status"',
        },
        timeout: {
          type: "duration",
          default: "3s",
          max: 4_000,
          description: "How long the answer may take",
        },
      },
    },
  },
  metrics: {
    up: { kind: "state", description: "Whether it answers; if not, why, as a remark" },
    active: { description: "Connections that are open" },
    reading: { description: "Connections whose request is being read" },
    writing: { description: "Connections that are being answered" },
    waiting: { description: "Connections that wait for another request" },
    accepted_total: { kind: "counter", description: "Connections taken" },
    handled_total: {
      kind: "counter",
      description: "Connections served; less when a limit was met",
    },
    requests_total: { kind: "counter", description: "Requests" },
  },
};

interface Target {
  name: string;
  url: string;
  timeout: number;
}

/** Text of the page; undefined when it is another. */
export function parseStubStatus(text: string): Record<string, number> | undefined {
  const found =
    /^Active connections: (\d+)\s+server accepts handled requests\s+(\d+) (\d+) (\d+)\s+Reading: (\d+) Writing: (\d+) Waiting: (\d+)\s*$/
      .exec(text);
  if (found === null) return undefined;
  const [
    active = 0,
    accepted = 0,
    handled = 0,
    requests = 0,
    reading = 0,
    writing = 0,
    waiting = 0,
  ] = found.slice(1).map(Number);
  return {
    active,
    reading,
    writing,
    waiting,
    accepted_total: accepted,
    handled_total: handled,
    requests_total: requests,
  };
}

async function ask({ url, timeout }: Target): Promise<CollectedTree> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      headers: { "user-agent": "monitor-nginx" },
      signal: AbortSignal.timeout(timeout),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`status is ${response.status}`);
    const values = parseStubStatus(text);
    if (values === undefined) throw new Error("the page is not that of stub_status");
    return { up: true, ...values };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const message = text.replace(/^error sending request.*? for url \([^)]*\): /, "");
    return { up: { value: false, message } };
  }
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  return Object.fromEntries(
    await Promise.all(targets.map(async (target) => [target.name, await ask(target)] as const)),
  );
}
