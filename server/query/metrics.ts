/** What questions there are: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";
import type { QueryContext } from "./context.ts";

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
