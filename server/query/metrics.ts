/** What questions there are: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { QueryContext } from "./context.ts";
import type { Replica } from "./replica.ts";

export function registerQuestions(metrics: Registry, { large, refused }: QueryContext): void {
  metrics.read("monitor_server_questions_waiting", {
    kind: "gauge",
    help: "Large questions that wait for others",
  }, () => large.waiting);
  metrics.read("monitor_server_questions_unanswered_total", {
    kind: "counter",
    help:
      "Questions without an answer: too_much, too_long, crowded (others waited), given_up by who asked",
    label: "reason",
  }, () => Object.entries(refused));
}

/** Without a replica none is in use. */
export function registerReplica(metrics: Registry, replica: Replica | undefined): void {
  metrics.read("monitor_server_replica_in_use", {
    kind: "gauge",
    help: "Whether questions about the past go to the replica (database.replica_url): 1 or 0",
  }, () => Number(replica?.in_use ?? false));
  metrics.read("monitor_server_replica_lag_seconds", {
    kind: "gauge",
    help: "How far the replica is behind at most, while that is known",
  }, () => replica?.lag_s);
}
