/** Whether names are resolved, to what they should be, and how long that takes. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Whether names are resolved, and how fast",
  kind: "gauge",
  every: "30s",
  timeout: "15s",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "host",
      description: "Names to look up",
      fields: {
        host: { type: "text", required: true, description: "The name" },
        type: {
          type: "text",
          default: "A",
          choices: ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT"],
          description: "What is asked for",
        },
        server: {
          type: "nameserver",
          default: "system",
          description: 'Who is asked; "system" is the first in /etc/resolv.conf that answers',
        },
        expect: {
          type: "texts",
          default: [],
          description: "What has to be among the answers, all of it",
        },
        timeout: {
          type: "duration",
          default: "5s",
          max: 10_000,
          description: "How long an answer may take",
        },
      },
    },
  },
  metrics: {
    up: {
      kind: "state",
      description: "Whether the answer is right; if not, why, as a remark",
    },
    response_ms: { unit: "ms", description: "Time until the answer" },
    answers: { description: "Records in the answer" },
  },
};

interface Server {
  hostname: string;
  port: number;
}

interface Target {
  name: string;
  host: string;
  type: "A" | "AAAA" | "CNAME" | "MX" | "NS" | "PTR" | "TXT";
  server: Server[];
  expect: string[];
  timeout: number;
}

/** An answer as people write it: names without the dot at their end. */
function answerText(answer: string | Deno.MxRecord | string[]): string {
  if (typeof answer === "string") return answer.replace(/(?<=[^.])\.$/, "");
  if (Array.isArray(answer)) return answer.join("");
  return `${answer.preference} ${answer.exchange.replace(/\.$/, "")}`;
}

async function ask(target: Target, server: Server, signal: AbortSignal): Promise<string[]> {
  const nameServer = { ipAddr: server.hostname, port: server.port };
  // a name is looked up as it stands, not below the machine's own domain
  const name = target.host.endsWith(".") ? target.host : `${target.host}.`;
  const options = { nameServer, signal };
  switch (target.type) {
    case "MX":
      return (await Deno.resolveDns(name, "MX", options)).map(answerText);
    case "TXT":
      return (await Deno.resolveDns(name, "TXT", options)).map(answerText);
    default:
      return (await Deno.resolveDns(name, target.type, options)).map(answerText);
  }
}

async function check(target: Target): Promise<CollectedTree> {
  const { server, expect, timeout, host, type } = target;
  const signal = AbortSignal.timeout(timeout);
  let fault = "";
  for (const one of server) {
    const begin = performance.now();
    try {
      const answers = await ask(target, one, signal);
      const response_ms = Math.round((performance.now() - begin) * 100) / 100;
      const missing = expect.filter((wanted) => !answers.includes(wanted));
      const message = answers.length === 0
        ? `${host} has no ${type} record`
        : `${missing.join(", ")} is not among ${answers.join(", ")}`;
      const right = answers.length > 0 && missing.length === 0;
      return { up: right || { value: false, message }, response_ms, answers: answers.length };
    } catch (error) {
      fault = signal.aborted
        ? `no answer within ${timeout} ms`
        : error instanceof Error
        ? error.message
        : String(error);
      // a name that does not exist is an answer; another server would say the same
      if (signal.aborted || error instanceof Deno.errors.NotFound) break;
    }
  }
  return { up: { value: false, message: fault } };
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  return Object.fromEntries(
    await Promise.all(targets.map(async (target) => [target.name, await check(target)] as const)),
  );
}
