/** A `host` for collectors that answers from recorded files. */
import type { Host } from "../../agent/monitor.d.ts";

/** Text of a recorded file of /proc. */
export function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** A host with these answers; asking for anything else fails the test. */
export function fixtureHost<Options = unknown>(answers: Partial<Host<Options>>): Host<Options> {
  const refuse = (method: string) => (...args: unknown[]) =>
    Promise.reject(new Error(`host.${method}(${args.join()}) was not expected`));
  return {
    platform: "linux",
    // a collector without options does not look at them
    options: {} as Options,
    read: refuse("read"),
    list: refuse("list"),
    sleep: refuse("sleep"),
    memory: refuse("memory"),
    loadavg: refuse("loadavg"),
    uptime: refuse("uptime"),
    disks: refuse("disks"),
    cpus: refuse("cpus"),
    networkAddresses: refuse("networkAddresses"),
    processes: refuse("processes"),
    tcpStates: refuse("tcpStates"),
    systemd: refuse("systemd"),
    certificate: refuse("certificate"),
    ...answers,
  };
}

/** A host whose `/proc/<path>` is the fixture with the last part of its name. */
export function procHost(): Host {
  return fixtureHost({
    read: (path) => Promise.resolve(fixture(path.replace("/proc/", "").replaceAll("/", "_"))),
  });
}
