/** What hosts are behind: a switch, a router, a hypervisor. By names; no host is behind itself. */
import type { Sql } from "../../db/connect.ts";
import { type HostRow, selectHosts } from "../../db/hosts.ts";
import { parentsTransaction, replaceParents, selectParents } from "../../db/silences.ts";

/** There is no such host. */
export class HostNotFoundError extends Error {
  override name = "NotFoundError";
}

/** A host would be behind itself. */
export class RingError extends Error {
  override name = "RefusedError";
}

/** By host: what it is behind. */
export type Parents = Record<string, string[]>;

/** The way from `host` back to itself when it gets these parents; undefined: there is none. */
export function ringOf(
  parents: Readonly<Parents>,
  host: string,
  wanted: readonly string[],
): string[] | undefined {
  const open = wanted.map((parent) => [host, parent]);
  const seen = new Set<string>();
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    const at = way.at(-1) ?? host;
    if (at === host) return way;
    if (seen.has(at)) continue;
    seen.add(at);
    const further = Object.hasOwn(parents, at) ? parents[at] ?? [] : [];
    open.push(...further.map((parent) => [...way, parent]));
  }
  return undefined;
}

export class HostParents {
  readonly #sql: Sql;
  readonly #onChange: () => void;

  constructor(options: { sql: Sql; onChange: () => void }) {
    this.#sql = options.sql;
    this.#onChange = options.onChange;
  }

  async list(): Promise<Parents> {
    return byName(await selectHosts(this.#sql), await selectParents(this.#sql));
  }

  /** Makes these the parents of a host. Throws HostNotFoundError, RingError. */
  async set(hostname: string, wanted: readonly string[]): Promise<void> {
    const hosts = await selectHosts(this.#sql);
    const ids = new Map(hosts.map((host) => [host.hostname, host.id]));
    const idOf = (name: string) => {
      const id = ids.get(name);
      if (id !== undefined) return id;
      throw new HostNotFoundError(`Cannot find the host ${JSON.stringify(name)}`);
    };
    const parent_ids = wanted.map(idOf);
    const host_id = idOf(hostname);
    // two at once, each right by itself, could make a ring together
    await parentsTransaction(this.#sql, async (tx) => {
      const ring = ringOf(byName(hosts, await selectParents(tx)), hostname, wanted);
      if (ring !== undefined) {
        throw new RingError(
          `Cannot set the parents: no host can be behind itself: ${ring.join(" behind ")}`,
        );
      }
      await replaceParents(tx, host_id, parent_ids);
    });
    this.#onChange();
  }
}

function byName(
  hosts: readonly HostRow[],
  pairs: readonly { host_id: number; parent_id: number }[],
): Parents {
  const names = new Map(hosts.map((host) => [host.id, host.hostname]));
  const parents: Parents = {};
  for (const { host_id, parent_id } of pairs) {
    const [host, parent] = [names.get(host_id), names.get(parent_id)];
    if (host !== undefined && parent !== undefined) (parents[host] ??= []).push(parent);
  }
  return parents;
}
