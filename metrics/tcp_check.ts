/** Whether ports take connections, and how long that takes. Nothing is sent. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Whether ports take connections, and how fast",
  kind: "gauge",
  every: "30s",
  timeout: "15s",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "address",
      description: "Ports to connect to",
      fields: {
        address: { type: "address", required: true, description: "Host and port, or a socket" },
        timeout: {
          type: "duration",
          default: "5s",
          max: 10_000,
          description: "How long a connection may take",
        },
      },
    },
  },
  metrics: {
    up: {
      kind: "state",
      description: "Whether the port takes connections; if not, why, as a remark",
    },
    connect_ms: { unit: "ms", description: "Time until the connection was open" },
  },
};

interface Target {
  name: string;
  address: { hostname: string; port: number } | { path: string };
  timeout: number;
}

async function check({ address, timeout }: Target): Promise<CollectedTree> {
  const begin = performance.now();
  const connecting = "path" in address
    ? Deno.connect({ transport: "unix", path: address.path })
    : Deno.connect(address);
  let late = false;
  // one that comes after all is not wanted any more
  connecting.then((connection) => late && connection.close(), () => {});
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late = true;
    reject(new Error(`no connection within ${timeout} ms`));
  }, timeout);
  try {
    const connection = await Promise.race([connecting, promise]);
    const connect_ms = Math.round((performance.now() - begin) * 100) / 100;
    connection.close();
    return { up: true, connect_ms };
  } catch (error) {
    return { up: { value: false, message: error instanceof Error ? error.message : `${error}` } };
  } finally {
    clearTimeout(timer);
  }
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  return Object.fromEntries(
    await Promise.all(targets.map(async (target) => [target.name, await check(target)] as const)),
  );
}
