/**
 * Who is silent, and whether that is about hosts at all.
 *
 * When most hosts of a rule fall silent at once, it is the network or this server: one incident about
 * the fleet says so, and the hosts' own are held back (nothing is known of them) until most report
 * again; who is still silent then is told. Hosts are counted as falling silent when half of the
 * rule's time has passed: all of them have, by the moment the first one is due.
 *
 * After a start nobody has been silent for long, and that says nothing: that a fleet reports is known
 * when half of it was heard, or when it was watched for the rule's time.
 */
import type { Truth } from "./rule.ts";
import type { ActiveRule, Entry } from "./selection.ts";
import type { WatchedHost } from "./watched_host.ts";

/** The host_id of what is about many hosts. */
export const FLEET_HOST_ID = 0;
/** With fewer hosts each is told by its name. */
const FLEET_HOSTS_MIN = 5;
const FLEET_SHARE = 0.5;

export interface Verdicts {
  hosts: { host: WatchedHost; entry: Entry; truth: Truth }[];
  /** Those of which something is known. */
  fleets: { active: ActiveRule; isSilent: boolean; summary: string }[];
}

interface Watched {
  host: WatchedHost;
  entry: Entry;
  age_ms: number;
}

export class FleetGuard {
  /** Rules whose fleet is taken to be silent. */
  readonly #silent = new Set<number>();

  look(
    hosts: readonly WatchedHost[],
    { now_ms, watching_ms }: { now_ms: number; watching_ms: number },
  ): Verdicts {
    const by_rule = new Map<ActiveRule, Watched[]>();
    for (const host of hosts) {
      // one that never reported while somebody watched is not expected to
      if (host.seen_ms === -Infinity && host.alerts.size === 0) continue;
      for (const entry of host.silences) {
        const watched = { host, entry, age_ms: now_ms - Math.max(host.seen_ms, watching_ms) };
        const list = by_rule.get(entry.active);
        if (list === undefined) by_rule.set(entry.active, [watched]);
        else list.push(watched);
      }
    }
    const verdicts: Verdicts = { hosts: [], fleets: [] };
    for (const [active, list] of by_rule) {
      this.#judge(active, list, { verdicts, now_ms, watching_ms });
    }
    return verdicts;
  }

  #judge(
    active: ActiveRule,
    list: readonly Watched[],
    { verdicts, now_ms, watching_ms }: {
      verdicts: Verdicts;
      now_ms: number;
      watching_ms: number;
    },
  ): void {
    const { for_ms } = active.rule;
    const falling = list.filter(({ age_ms }) => age_ms >= for_ms / 2).length;
    const isDue = list.some(({ age_ms }) => age_ms >= for_ms);
    const isMost = list.length >= FLEET_HOSTS_MIN && falling > list.length * FLEET_SHARE;
    const isSilent = isMost && (isDue || this.#silent.has(active.id));
    const heard = list.filter(({ host }) => host.seen_ms >= watching_ms).length;
    const isKnown = isSilent || heard >= list.length * (1 - FLEET_SHARE) ||
      now_ms - watching_ms >= for_ms;
    if (isKnown) {
      if (isSilent) this.#silent.add(active.id);
      else this.#silent.delete(active.id);
      const summary = `${falling} of ${list.length} hosts fell silent at once: ` +
        "look at the network and at this server first";
      verdicts.fleets.push({ active, isSilent, summary });
    }
    for (const { host, entry, age_ms } of list) {
      const truth = truthOf({ isSilent, isOver: age_ms >= for_ms, host, watching_ms });
      if (truth !== undefined) verdicts.hosts.push({ host, entry, truth });
    }
  }
}

/** Undefined: nobody has watched long enough to say anything. */
function truthOf(
  { isSilent, isOver, host, watching_ms }: {
    isSilent: boolean;
    isOver: boolean;
    host: WatchedHost;
    watching_ms: number;
  },
): Truth | undefined {
  if (isOver) return isSilent ? "unknown" : true;
  return host.seen_ms < watching_ms ? undefined : false;
}
