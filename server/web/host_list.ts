/** The list of all hosts, and what was told of single ones while it was on its way. */
import type { HostGlance } from "./api.ts";

/**
 * Of a host that is in both the newer is taken, by what it reported last: the list may have been made
 * before or after what was told.
 */
export function joinHosts(
  list: readonly HostGlance[],
  told: ReadonlyMap<string, HostGlance>,
): Map<string, HostGlance> {
  const all = new Map(list.map((host) => [host.hostname, host]));
  for (const [hostname, host] of told) {
    const listed = all.get(hostname);
    if (listed === undefined || (host.last_s ?? 0) > (listed.last_s ?? 0)) all.set(hostname, host);
  }
  return all;
}
