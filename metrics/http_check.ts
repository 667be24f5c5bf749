/**
 * Whether web pages answer as they should, how long that takes, and how many days are left of their
 * certificates. Every check opens a connection of its own, as a visitor does.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Whether web pages answer, how fast, and their certificates",
  kind: "gauge",
  every: "30s",
  timeout: "15s",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "url",
      description: "Pages to ask for",
      fields: {
        url: { type: "url", required: true, description: "The page" },
        method: {
          type: "text",
          default: "GET",
          choices: ["GET", "HEAD", "POST"],
          description: "How it is asked for",
        },
        status: {
          type: "text",
          default: "200-399",
          description: 'What is right: "200", or "200-299,401"; redirects are not followed',
        },
        contains: { type: "text", description: "What has to be in the first MiB of the page" },
        authorization: {
          type: "secret",
          description: 'The header of that name, such as "Bearer …"',
        },
        ca: {
          type: "secret",
          description: "Certificates to trust beside those of Mozilla, as PEM; mostly by ca_file",
        },
        timeout: {
          type: "duration",
          default: "5s",
          max: 10_000,
          description: "How long the whole page may take",
        },
      },
    },
  },
  metrics: {
    up: { kind: "state", description: "Whether the answer is right; if not, why, as a remark" },
    status: { kind: "state", description: "Status of the answer" },
    response_ms: { unit: "ms", description: "Time until the page was read" },
    certificate_days: { unit: "d", description: "Days until the certificate expires" },
  },
};

interface Target {
  name: string;
  url: string;
  method: string;
  status: string;
  contains?: string;
  authorization?: string;
  ca?: string;
  timeout: number;
}

const BODY_BYTES_MAX = 1024 * 1024;
const CERTIFICATE_MS_BETWEEN = 3_600_000;
const DAY_S = 86_400;

/** Whether `status` is among "200-299,401". */
export function statusFits(status: number, wanted: string): boolean {
  return wanted.split(",").some((part) => {
    const [, from = "", to = from] = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part) ?? [];
    return from !== "" && status >= Number(from) && status <= Number(to || from);
  });
}

/** A client that keeps no connections. */
function newClient({ ca }: Target): Deno.HttpClient {
  return Deno.createHttpClient({
    poolMaxIdlePerHost: 0,
    ...(ca === undefined ? {} : { caCerts: [ca] }),
  });
}

/** The beginning of a body as text; all of it is read only as far as it is looked at. */
async function bodyText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) break;
  }
  return text;
}

/** What happened, without the address, which the name of the target says. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  return error.message.replace(/^error sending request.*? for url \([^)]*\): /, "");
}

async function check(target: Target): Promise<CollectedTree> {
  const { url, method, contains, authorization, timeout } = target;
  let client: Deno.HttpClient | undefined;
  try {
    client = newClient(target);
    const begin = performance.now();
    const response = await fetch(url, {
      method,
      redirect: "manual",
      headers: {
        "user-agent": "monitor-http-check",
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal: AbortSignal.timeout(timeout),
      client,
    });
    const body = await bodyText(response);
    const response_ms = Math.round((performance.now() - begin) * 10) / 10;
    const { status } = response;
    const fault = !statusFits(status, target.status)
      ? `status is ${status}, not ${target.status}`
      : contains !== undefined && !body.includes(contains)
      ? `the page does not contain ${JSON.stringify(contains)}`
      : undefined;
    const up = fault === undefined ? true : { value: false, message: fault };
    return { up, status, response_ms };
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const message = late ? `no answer within ${timeout} ms` : reasonOf(error);
    return { up: { value: false, message } };
  } finally {
    client?.close();
  }
}

/** Certificates change every few weeks: each is looked at once an hour. */
const certificates = new Map<string, { at_ms: number; seconds_left: number }>();

async function certificateDays({ url }: Target, host: Host<unknown>): Promise<CollectedTree> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:") return {};
  const now_ms = performance.now();
  let known = certificates.get(url);
  if (known === undefined || now_ms - known.at_ms >= CERTIFICATE_MS_BETWEEN) {
    try {
      const { seconds_left } = await host.certificate({
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: Number(port) || 443,
      });
      known = { at_ms: now_ms, seconds_left };
      certificates.set(url, known);
    } catch {
      // why there is no TLS is told by the check itself
      return {};
    }
  }
  const seconds = known.seconds_left - (now_ms - known.at_ms) / 1000;
  return { certificate_days: Math.round(seconds / DAY_S * 100) / 100 };
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const entries = await Promise.all(host.options.targets.map(async (target) => {
    const [answer, days] = await Promise.all([check(target), certificateDays(target, host)]);
    return [target.name, { ...answer, ...days }] as const;
  }));
  return Object.fromEntries(entries);
}
