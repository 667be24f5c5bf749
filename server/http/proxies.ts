/**
 * Who asks when a proxy stands in between. `X-Forwarded-For` and `Forwarded` can be written by anybody,
 * so they are believed only from the addresses of `webapp.trust_proxy`, and only as far as the chain
 * of such addresses reaches: the last address that no trusted proxy has is who asks.
 */
import { BlockList, isIP } from "node:net";

/** What is known of who asks. */
export interface AskerInfo extends Deno.ServeHandlerInfo {
  /** A trusted proxy was asked by https. */
  asked_by_https?: boolean;
}

type Handle = (request: Request, info: AskerInfo) => Response | Promise<Response>;

/** `[::1]:8080`, `10.0.0.1:8080`, `::ffff:10.0.0.1`: the address alone; undefined when it is none. */
export function plainAddress(text: string): string | undefined {
  const trimmed = text.trim().replace(/^"(.*)"$/, "$1");
  const address = /^\[([^\]]*)\](:\d+)?$/.exec(trimmed)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  return isIP(mapped) === 0 ? undefined : mapped;
}

/** Whether an address is one of these. */
export function trustedBy(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const kind = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, kind);
    else list.addSubnet(address, Number(bits), kind);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? "ipv6" : "ipv4");
  };
}

/** The chain as the proxies wrote it, nearest to the client first. `Forwarded` wins: it is the standard. */
export function chainOf(headers: Headers): string[] {
  const forwarded = headers.get("forwarded");
  if (forwarded !== null) {
    return forwarded.split(",").map((hop) =>
      /(?:^|;)\s*for=("[^"]*"|[^;\s]*)/i.exec(hop)?.[1] ?? ""
    );
  }
  const listed = headers.get("x-forwarded-for");
  return listed === null ? [] : listed.split(",");
}

/** Who asks: `remote` itself unless it is trusted. What is no address ends the chain. */
export function askerOf(
  remote: string,
  headers: Headers,
  isTrusted: (address: string) => boolean,
): string {
  let asker = plainAddress(remote) ?? remote;
  if (!isTrusted(asker)) return remote;
  for (const hop of chainOf(headers).reverse()) {
    const address = plainAddress(hop);
    if (address === undefined) break;
    asker = address;
    if (!isTrusted(address)) break;
  }
  return asker;
}

/** Whether the client speaks https with the proxies, as they tell; the first of them knows. */
export function toldHttps(headers: Headers): boolean {
  const forwarded = headers.get("forwarded");
  const proto = forwarded === null
    ? headers.get("x-forwarded-proto")?.split(",")[0]
    : /(?:^|;)\s*proto="?(\w+)/i.exec(forwarded.split(",")[0] ?? "")?.[1];
  return proto?.trim().toLowerCase() === "https";
}

/** The same handler, told the address of who asks in place of the proxy's. */
export function behindProxies(handle: Handle, networks: readonly string[]): Handle {
  if (networks.length === 0) return handle;
  const isTrusted = trustedBy(networks);
  return (request, info) => {
    const { remoteAddr } = info;
    if (!("hostname" in remoteAddr)) return handle(request, info);
    const hostname = askerOf(remoteAddr.hostname, request.headers, isTrusted);
    const remote = plainAddress(remoteAddr.hostname) ?? remoteAddr.hostname;
    const asked_by_https = isTrusted(remote) && toldHttps(request.headers);
    return handle(request, {
      ...info,
      remoteAddr: { ...remoteAddr, hostname },
      asked_by_https,
    });
  };
}
