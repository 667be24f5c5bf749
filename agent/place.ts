/**
 * Places a collector connects to, as an operator writes them, and the permission to connect to
 * exactly that place. Nothing is looked up: a host name stays a host name.
 */
import { isIP } from "node:net";
import type { PermissionSet } from "./permissions.ts";

/** A host and port, or a socket of this machine. As scripts are given it. */
export type Address = { hostname: string; port: number } | { path: string };

export interface Place {
  address: Address;
  /** What the script is given: the URL's text, or the address. */
  value: string | { hostname: string; port: number } | { path: string };
}

const HOSTNAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?$/;
const DNS_PORT = 53;

/** The place that `input` names; undefined when it names none. */
export function placeAt(
  option: { type: "url" | "address" | "nameserver" | string; default_port?: number },
  input: unknown,
): Place | undefined {
  if (typeof input !== "string") return undefined;
  if (option.type === "url") return urlPlace(input);
  const default_port = option.type === "nameserver"
    ? option.default_port ?? DNS_PORT
    : option.default_port;
  const address = option.type === "address" && input.startsWith("/")
    ? { path: input }
    : tcpAddress(input, default_port);
  if (address === undefined) return undefined;
  if (option.type === "nameserver" && (!("hostname" in address) || isIP(address.hostname) === 0)) {
    return undefined;
  }
  return { address, value: address };
}

function urlPlace(input: string): Place | undefined {
  const url = URL.parse(input);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password !== "") {
    return undefined;
  }
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  return {
    address: { hostname: url.hostname.replace(/^\[|\]$/g, ""), port },
    value: url.href,
  };
}

/** "host:port", "[::1]:port", and without a port where there is a default; "::1" as it is. */
function tcpAddress(input: string, default_port?: number): Address | undefined {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/.exec(input);
  const plain = /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(input);
  const [, hostname = isIP(input) === 6 ? input : "", digits] = bracketed ?? plain ?? [];
  const port = digits === undefined ? default_port : Number(digits);
  const is_name = isIP(hostname) !== 0 || HOSTNAME.test(hostname);
  if (!is_name || port === undefined || port < 1 || port > 65_535) return undefined;
  return { hostname, port };
}

/** "db.example:5432", "[::1]:6379": how Deno's permissions name it. */
export function netName({ hostname, port }: { hostname: string; port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Since 2.9 a socket in the filesystem is also a matter of the network; before, that is refused. */
const SOCKETS_ARE_NET = (([major = 0, minor = 0]) => major > 2 || major === 2 && minor >= 9)(
  Deno.version.deno.split(".").map(Number),
);

/** What a Worker needs to connect to this place and to no other. */
export function placeGrants({ address }: Place): PermissionSet {
  if ("hostname" in address) return { net: [netName(address)] };
  const { path } = address;
  return { read: [path], write: [path], ...(SOCKETS_ARE_NET ? { net: [`unix:${path}`] } : {}) };
}
