/** What systemd says about its units, asked over the system's D-Bus: no program is started. */
import type { Clock } from "../clock.ts";
import { DbusConnection, SYSTEM_BUS } from "./dbus.ts";
import type { SystemdUnits } from "./monitor.d.ts";

const ANSWER_MS_MAX = 4_000;

const MANAGER = {
  destination: "org.freedesktop.systemd1",
  path: "/org/freedesktop/systemd1",
};

/** "nginx" is "nginx.service", as for systemctl. */
export function unitName(name: string): string {
  const suffix = /\.(service|socket|target|timer|mount|automount|swap|path|slice|scope|device)$/;
  return suffix.test(name) ? name : `${name}.service`;
}

/** Rejects with a sentence where there is no bus, no systemd, or no answer in time. */
export async function readSystemd(
  names: readonly string[],
  options: { clock: Clock; bus?: string },
): Promise<SystemdUnits> {
  const { clock, bus = SYSTEM_BUS } = options;
  const answered = new AbortController();
  const over = new AbortController();
  const late = clock.sleep(ANSWER_MS_MAX, answered.signal).then(() => {
    if (answered.signal.aborted) return;
    throw new Error(`systemd did not answer within ${ANSWER_MS_MAX / 1000} s`);
  });
  const asked = (async () => {
    return await ask(await DbusConnection.open(bus, over.signal), names);
  })();
  // whichever loses has nothing more to say
  asked.catch(() => {});
  late.catch(() => {});
  try {
    return await Promise.race([asked, late.then(() => asked)]);
  } finally {
    answered.abort();
    over.abort();
  }
}

async function ask(bus: DbusConnection, names: readonly string[]): Promise<SystemdUnits> {
  const [failed] = await bus.call({
    ...MANAGER,
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    arguments: ["org.freedesktop.systemd1.Manager", "NFailedUnits"],
  });
  if (names.length === 0) return { failed: Number(failed), units: [] };
  const [listed] = await bus.call({
    ...MANAGER,
    interface: "org.freedesktop.systemd1.Manager",
    member: "ListUnitsByNames",
    arguments: [names.map(unitName)],
  });
  const rows = Array.isArray(listed) ? listed : [];
  // systemd answers in the order of the names
  const units = rows.map((row, index) => {
    const [, , load = "", active = "", sub = ""] = Array.isArray(row) ? row : [];
    return { name: names[index] ?? "", load: `${load}`, active: `${active}`, sub: `${sub}` };
  });
  return { failed: Number(failed), units };
}
