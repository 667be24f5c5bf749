/** Alerts as they come, go through their state machine, and are over; the recorder hears of it. */
import { Recorder } from "./recorder.ts";
import { closed, isForgettable, isSameMachine, type Machine, newMachine, step } from "./rule.ts";
import type { Truth } from "./rule.ts";
import type { Entry } from "./selection.ts";
import type { Alert, Unknown, WatchedHost } from "./watched_host.ts";

/** Conditions that are so or not. How long they have been so is in the fact itself. */
export function isFact(condition: string): boolean {
  return condition === "no_data" || condition === "host_silent";
}

/** The kind of story a number's alert tells. */
export function storyOf({ active }: Pick<Entry, "active">): string {
  return active.rule.condition === "script_failed" ? "script_failed" : "threshold";
}

export interface StepOptions {
  now_ms: number;
  story: string;
  /** Why nothing is known; null when it is. */
  unknown?: Unknown | null;
  /** Instead of a sentence made of rule and value. */
  summary?: string;
}

export class AlertBook {
  readonly recorder = new Recorder();
  readonly #units = new Map<string, string>();

  setUnits(units: ReadonlyMap<string, string>): void {
    for (const [metric, unit] of units) this.#units.set(metric, unit);
  }

  open(host: WatchedHost, { active, metric, slot }: Omit<Entry, "position">): Alert {
    const alert: Alert = {
      host,
      active,
      metric,
      slot,
      machine: newMachine(active.rule.levels.length),
      value: null,
      at_ms: -Infinity,
      interval_ms: undefined,
      fresh_until_ms: -Infinity,
      patient_until_ms: -Infinity,
      unknown: null,
      incident_key: null,
      told: null,
    };
    host.alerts.set(slot, alert);
    return alert;
  }

  step(alert: Alert, truths: readonly Truth[], options: StepOptions): void {
    const { now_ms, story, unknown = null, summary } = options;
    const { rule } = alert.active;
    const timing = isFact(rule.condition) ? { ...rule, for_ms: 0 } : rule;
    const { machine, event } = step(alert.machine, truths, { now_ms, timing });
    if (unknown !== alert.unknown) {
      alert.unknown = unknown;
      this.recorder.known(alert, unknown, now_ms);
      this.recorder.keep(alert);
    }
    this.set(alert, machine);
    if (event !== undefined) {
      const unit = this.#units.get(alert.metric) ?? null;
      this.recorder.event(alert, event, { now_ms, story, unit, summary });
    }
    if (isForgettable(machine)) alert.host.alerts.delete(alert.slot);
  }

  /** Nothing is known of it, for a reason. */
  unknown(alert: Alert, unknown: Unknown, now_ms: number): void {
    this.step(alert, alert.machine.levels.map(() => "unknown"), { now_ms, story: "", unknown });
  }

  set(alert: Alert, machine: Machine): void {
    if (!isSameMachine(alert.machine, machine)) this.recorder.keep(alert);
    alert.machine = machine;
  }

  /** It is over for a reason that has nothing to do with its condition. */
  end(alert: Alert, reason: string, now_ms: number): void {
    alert.host.alerts.delete(alert.slot);
    this.recorder.keep(alert);
    if (alert.incident_key === null) return;
    this.recorder.event(alert, "resolved", { now_ms, story: "", unit: null, reason });
  }

  /** It is over because a person says so. */
  close(
    alert: Alert,
    { now_ms, who, note }: { now_ms: number; who: string | null; note: string | null },
  ): void {
    this.set(alert, closed(alert.machine));
    this.recorder.event(alert, "resolved", {
      now_ms,
      story: "",
      unit: null,
      reason: "by_hand",
      who: who ?? undefined,
      note: note ?? undefined,
    });
  }
}
