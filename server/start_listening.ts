/** Wires the port: its certificate, what every answer says, who asks behind a proxy. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { readKeyPair, type TlsFiles } from "./certificate/key_pair.ts";
import { watchKeyPair } from "./certificate/watch.ts";
import type { Config } from "./config.ts";
import { withHeaders } from "./http/headers.ts";
import { listen } from "./http/listen.ts";
import { behindProxies } from "./http/proxies.ts";
import { logged } from "./http/request_log.ts";
import type { Registry } from "./metrics/registry.ts";

type Handle = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** Undefined when the port speaks plain HTTP. */
function tlsFiles({ tls }: Pick<Config, "tls">): TlsFiles | undefined {
  const { certificate_file, key_file } = tls;
  return certificate_file === undefined || key_file === undefined
    ? undefined
    : { certificate_file, key_file };
}

/** Throws CertificateError when the port could not speak TLS as it is asked to. */
export function checkFiles(config: Config, clock: Clock): void {
  const files = tlsFiles(config);
  if (files !== undefined) readKeyPair(files, clock.now());
}

/** Opens the port and returns its URL; it is closed with `started`. */
export function startListening(
  handle: Handle,
  options: {
    config: Config;
    log: Logger;
    clock: Clock;
    started: AsyncDisposableStack;
    metrics: Registry;
  },
): string {
  const { config, clock, started } = options;
  const { host, port, trust_proxy } = config.webapp;
  const files = tlsFiles(config);
  const tls = files && readKeyPair(files, clock.now());
  const told = logged(handle, {
    ...{ clock, settings: config.log },
    log: options.log.with({ component: "http" }),
  });
  const answering = withHeaders(told, { is_tls: tls !== undefined });
  const listening = listen(behindProxies(answering, trust_proxy), {
    ...{ ...options, host, port, clock, started, limits: config.limits },
    tls: tls && { cert: tls.cert, key: tls.key },
  });
  if (files === undefined || tls === undefined) return listening.url;
  const stop = new AbortController();
  const watching = watchKeyPair(files, {
    ...{ used: tls, clock, signal: stop.signal },
    log: options.log.with({ component: "tls" }),
    onRenewed: ({ cert, key }) => listening.renew({ cert, key }),
  });
  started.defer(async () => {
    stop.abort();
    await watching;
  });
  return listening.url;
}
