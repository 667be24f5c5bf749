/** Units of systemd: how many have failed, and the state of those that the operator names. */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Failed units, and those that are named",
  kind: "gauge",
  platforms: ["linux"],
  // what systemd itself says of whether it runs the machine
  needs: ["/run/systemd/system"],
  every: "30s",
  options: {
    units: {
      type: "texts",
      default: [],
      description: 'Units whose state is told, such as "nginx.service"',
    },
  },
  metrics: {
    failed: { description: "Units that have failed" },
    active: {
      kind: "state",
      description: "Whether the unit is active; if not, its state as a remark",
    },
  },
};

export async function collect(host: Host<{ units: string[] }>): Promise<Collected> {
  const { failed, units } = await host.systemd(host.options.units);
  const tree: CollectedTree = {};
  for (const { name, active, sub, load } of units) {
    const is_active = active === "active";
    const message = load === "loaded" ? `${active} (${sub})` : load;
    tree[name] = { active: is_active ? true : { value: false, message } };
  }
  return { failed, ...(units.length === 0 ? {} : { unit: tree }) };
}
