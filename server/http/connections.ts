/**
 * Which connections to close: pure. `Deno.serve` accepts as many as come and waits for ever for what
 * they have to say, so this looks at them from outside (sockets.ts), every few seconds.
 *
 *   idle     nothing went either way for `connection_idle_s`
 *   slow     something came, and for `request_s` no byte of an answer went back: a request that is
 *            sent a byte at a time never gets one
 *   stuck    an answer waits to be sent, and for `request_s` nobody has read of it
 *   crowded  there are more than `connections_max`: those which never got an answer, then those
 *            which got one longest ago
 */

/** A connection as the kernel sees it. */
export interface ConnectionFacts {
  /** As long as it is open, nothing else has this. */
  key: string;
  since_received_ms: number;
  since_sent_ms: number;
  /** Bytes that came, and bytes of answers that were confirmed. */
  received: number;
  confirmed: number;
  /** Whether bytes of an answer wait to be confirmed. */
  is_sending: boolean;
}

export interface ConnectionLimits {
  connections_max: number;
  connection_idle_s: number;
  request_s: number;
}

export type CloseReason = "idle" | "slow" | "stuck" | "crowded";

interface Seen {
  confirmed: number;
  /** When bytes of an answer were last seen to have been confirmed, or it was first seen. */
  answered_at_ms: number;
  /** Since when it is seen to wait for an answer; undefined when it does not. */
  asking_since_ms: number | undefined;
}

export class ConnectionTable {
  #seen = new Map<string, Seen>();

  /** How many there were at the last look, without those to be closed. */
  size = 0;

  /** Looks at all connections there are, and says which to close, and why. */
  look(
    found: readonly ConnectionFacts[],
    now_ms: number,
    limits: ConnectionLimits,
  ): Map<string, CloseReason> {
    const seen = new Map<string, Seen>();
    const closing = new Map<string, CloseReason>();
    for (const facts of found) {
      const own = this.#update(facts, now_ms);
      seen.set(facts.key, own);
      const reason = reasonToClose(facts, own, { now_ms, limits });
      if (reason !== undefined) closing.set(facts.key, reason);
    }
    this.#seen = seen;
    const too_many = seen.size - closing.size - limits.connections_max;
    if (too_many > 0) {
      const oldest = [...seen].filter(([key]) => !closing.has(key))
        .sort(([, a], [, b]) => rank(a) - rank(b) || a.answered_at_ms - b.answered_at_ms);
      for (const [key] of oldest.slice(0, too_many)) closing.set(key, "crowded");
    }
    this.size = seen.size - closing.size;
    return closing;
  }

  #update(facts: ConnectionFacts, now_ms: number): Seen {
    const before = this.#seen.get(facts.key);
    const has_answered = before === undefined || facts.confirmed > before.confirmed;
    // a connection that never got anything has asked as soon as something came
    const is_asking = facts.confirmed === 0
      ? facts.received > 0
      : facts.since_received_ms < facts.since_sent_ms;
    return {
      confirmed: facts.confirmed,
      answered_at_ms: has_answered ? now_ms : before.answered_at_ms,
      asking_since_ms: is_asking
        ? (has_answered ? undefined : before.asking_since_ms) ?? now_ms
        : undefined,
    };
  }
}

function rank({ confirmed }: Seen): number {
  return confirmed === 0 ? 0 : 1;
}

function reasonToClose(
  facts: ConnectionFacts,
  { answered_at_ms, asking_since_ms }: Seen,
  { now_ms, limits }: { now_ms: number; limits: ConnectionLimits },
): CloseReason | undefined {
  const request_ms = limits.request_s * 1000;
  if (facts.is_sending && now_ms - answered_at_ms > request_ms) return "stuck";
  if (asking_since_ms !== undefined && now_ms - asking_since_ms > request_ms) return "slow";
  const quiet_ms = Math.min(facts.since_received_ms, facts.since_sent_ms);
  return quiet_ms > limits.connection_idle_s * 1000 ? "idle" : undefined;
}
