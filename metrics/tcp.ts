/** TCP connections by state, and how often packets had to be sent again. */
import type { Collected, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "TCP connections by state, and packets sent again",
  kind: "gauge",
  platforms: ["linux"],
  // for the list of connections the kernel walks a table as large as its memory allows: 11 ms of
  // processor time on a machine with 24 GB and eight connections
  every: "60s",
  metrics: {
    established: { description: "Connections that are open" },
    syn_sent: { description: "Connections this machine tries to open" },
    syn_recv: { description: "Connections others try to open" },
    fin_wait1: { description: "Closed here, and the other side has not heard of it" },
    fin_wait2: { description: "Closed here, and not yet by the other side" },
    time_wait: { description: "Closed, and kept for packets that are late" },
    close_wait: { description: "Closed by the other side, and not yet here: a program forgot it" },
    last_ack: { description: "Closed by both, and the other side has not heard of it" },
    closing: { description: "Closed by both at the same time" },
    listen: { description: "Ports that take connections" },
    opened_total: { kind: "counter", description: "Connections opened by this machine" },
    accepted_total: { kind: "counter", description: "Connections opened by others" },
    failed_total: { kind: "counter", description: "Connections that could not be opened" },
    resets_total: { kind: "counter", description: "Open connections that were cut" },
    segments_sent_total: { kind: "counter", description: "Packets sent" },
    segments_resent_total: { kind: "counter", description: "Packets sent again" },
  },
};

const COUNTERS: Record<string, string> = {
  ActiveOpens: "opened_total",
  PassiveOpens: "accepted_total",
  AttemptFails: "failed_total",
  EstabResets: "resets_total",
  OutSegs: "segments_sent_total",
  RetransSegs: "segments_resent_total",
};

/** Text of /proc/net/snmp: for each protocol a line of names and one of values. */
export function parseSnmp(text: string): Record<string, number> {
  const [names = [], values = []] = text.split("\n").filter((line) => line.startsWith("Tcp: "))
    .map((line) => line.split(" "));
  const counters: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    const ours = COUNTERS[name];
    if (ours !== undefined) counters[ours] = Number(values[index] ?? 0);
  }
  return counters;
}

export async function collect(host: Host): Promise<Collected> {
  const [states, snmp] = await Promise.all([host.tcpStates(), host.read("/proc/net/snmp")]);
  return { ...states, ...parseSnmp(snmp) };
}
