/**
 * What the server tells as it happens. One connection at a time: glances of all hosts, or the reports
 * of the one that is being looked at. The browser connects again by itself; then everything is read
 * anew, since what happened meanwhile was told to nobody.
 */
import { batch, computed, signal } from "@preact/signals";
import { ApiError, type HostGlance, request } from "./api.ts";
import { TEXT } from "./text.ts";

export const connected = signal(false);
/** By hostname; undefined until they are known. */
export const hosts = signal<ReadonlyMap<string, HostGlance> | undefined>(undefined);
export const hosts_error = signal<string | undefined>(undefined);
/** What time it is at the server, in seconds; the browser's clock may be wrong. */
export const now_s = signal(Date.now() / 1000);

let ahead_s = 0;
setInterval(() => now_s.value = Date.now() / 1000 + ahead_s, 1_000);

/** Hosts in the order of their names, as people sort them: web-2 before web-10. */
export const sorted_hosts = computed(() => {
  const collator = new Intl.Collator(undefined, { numeric: true });
  const name = ({ alias, hostname }: HostGlance) => alias ?? hostname;
  return [...hosts.value?.values() ?? []].sort((a, b) => collator.compare(name(a), name(b)));
});

/** Reads all hosts. */
export async function readHosts(): Promise<void> {
  try {
    const answer = await request<{ at: number; hosts: HostGlance[] }>("/api/v1/hosts");
    batch(() => {
      ahead_s = answer.at - Date.now() / 1000;
      now_s.value = answer.at;
      hosts.value = new Map(answer.hosts.map((host) => [host.hostname, host]));
      hosts_error.value = undefined;
    });
  } catch (error) {
    hosts_error.value = error instanceof ApiError ? error.message : TEXT.errors.network;
  }
}

function follow(url: string, event_name: string, onEvent: (data: string) => void): () => void {
  const source = new EventSource(url);
  source.addEventListener("open", () => {
    connected.value = true;
    void readHosts();
  });
  source.addEventListener("error", () => connected.value = false);
  source.addEventListener(event_name, (event) => onEvent(event.data));
  return () => {
    source.close();
    connected.value = false;
  };
}

/** Keeps `hosts` up to date; the function that is returned ends it. */
export function followHosts(): () => void {
  return follow("/api/v1/live", "hosts", (data) => {
    const changed: HostGlance[] = JSON.parse(data);
    const next = new Map(hosts.value);
    for (const host of changed) next.set(host.hostname, host);
    hosts.value = next;
  });
}

/** Newest values of one host, as they come. */
export interface HostReport {
  metrics: Record<string, number>;
  timestamp: number | null;
}

/** Calls `onReport` with every report of a host; the function that is returned ends it. */
export function followHost(hostname: string, onReport: (report: HostReport) => void): () => void {
  return follow(`/api/v1/live?host=${encodeURIComponent(hostname)}`, "report", (data) => {
    const report: HostReport | undefined = JSON.parse(data)[hostname];
    if (report === undefined) return;
    const known = hosts.value?.get(hostname);
    if (known !== undefined && report.timestamp !== null) {
      hosts.value = new Map(hosts.value).set(hostname, { ...known, last_s: report.timestamp });
    }
    onReport(report);
  });
}
