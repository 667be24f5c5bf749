/** What each network interface has received and sent since it was made. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "What network interfaces receive and send",
  kind: "counter",
  platforms: ["linux"],
  metrics: {
    rx_bytes_total: { unit: "B", description: "Bytes received" },
    rx_packets_total: { description: "Packets received" },
    rx_errors_total: { description: "Packets received damaged" },
    rx_drops_total: { description: "Packets received and thrown away" },
    tx_bytes_total: { unit: "B", description: "Bytes sent" },
    tx_packets_total: { description: "Packets sent" },
    tx_errors_total: { description: "Packets that could not be sent" },
    tx_drops_total: { description: "Packets thrown away before sending" },
  },
};

/** The machine talking to itself, and one end of each container's cable: they come and go. */
const NOISE = /^(lo|veth|cali|lxc|tap|vnet|ifb|dummy)/;

/** Text of /proc/net/dev, by interface. Interfaces that never carried a packet are left out. */
export function parseNetDev(text: string): CollectedTree {
  const interfaces: CollectedTree = {};
  for (const line of text.split("\n")) {
    const [, name = "", numbers = ""] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    const [rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_drops = 0, , , , , ...sent] = numbers
      .split(/\s+/).map(Number);
    const [tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_drops = 0] = sent;
    if (name === "" || NOISE.test(name) || rx_packets + tx_packets === 0) continue;
    interfaces[name] = {
      rx_bytes_total: rx_bytes,
      rx_packets_total: rx_packets,
      rx_errors_total: rx_errors,
      rx_drops_total: rx_drops,
      tx_bytes_total: tx_bytes,
      tx_packets_total: tx_packets,
      tx_errors_total: tx_errors,
      tx_drops_total: tx_drops,
    };
  }
  return interfaces;
}

export async function collect(host: Host): Promise<Collected> {
  return parseNetDev(await host.read("/proc/net/dev"));
}
