/** What becomes true by time passing: durations that are over, values that are old, silence. */
import { AlertBook, isFact, storyOf } from "./alert_book.ts";
import { truthsOf } from "./condition.ts";
import { FleetGuard } from "./fleet_guard.ts";
import type { Roster } from "./roster.ts";
import type { Alert, WatchedHost } from "./watched_host.ts";

interface Moment {
  now_ms: number;
  /** Since when reports could come in and be seen. */
  watching_ms: number;
}

export class Timekeeper {
  readonly #book: AlertBook;
  readonly #roster: Roster;
  readonly #guard = new FleetGuard();

  constructor(book: AlertBook, roster: Roster) {
    this.#book = book;
    this.#roster = roster;
  }

  look(moment: Moment): void {
    this.#tickSilences(moment);
    for (const host of this.#roster.hosts.values()) {
      if (host.hasAbsences) this.#tickAbsences(host, moment);
      for (const alert of host.alerts.values()) this.#tickAlert(alert, moment.now_ms);
    }
  }

  /** An alert about numbers: its duration may be over, or its value no longer be true. */
  #tickAlert(alert: Alert, now_ms: number): void {
    const { host, active: { rule }, metric, value } = alert;
    if (isFact(rule.condition) || now_ms < alert.patient_until_ms) return;
    if (value === null || now_ms > alert.fresh_until_ms) {
      this.#book.unknown(alert, host.whyUnknown(metric, now_ms), now_ms);
      return;
    }
    const truths = truthsOf(rule, value, alert.machine);
    this.#book.step(alert, truths, { now_ms, story: storyOf(alert) });
  }

  #tickAbsences(host: WatchedHost, { now_ms, watching_ms }: Moment): void {
    const isToldAsSilence = host.silences.length > 0 && host.isSilent(now_ms);
    for (const { entry, seen_ms } of host.newestOfAbsences().values()) {
      const isMissing = now_ms - Math.max(seen_ms, watching_ms) >= entry.active.rule.for_ms;
      const known = host.alerts.get(entry.slot);
      if (!isMissing && known === undefined) continue;
      // it was not there since a start: nobody has watched long enough to say anything
      if (!isMissing && seen_ms < watching_ms) continue;
      const alert = known ?? this.#book.open(host, entry);
      if (isMissing && isToldAsSilence) this.#book.unknown(alert, "host_silent", now_ms);
      else {
        const story = host.whyUnknown(entry.metric, now_ms);
        this.#book.step(alert, [isMissing], { now_ms, story });
      }
    }
  }

  #tickSilences({ now_ms, watching_ms }: Moment): void {
    const { hosts, fleets } = this.#guard.look([...this.#roster.hosts.values()], {
      now_ms,
      watching_ms,
    });
    for (const { host, entry, truth } of hosts) {
      const known = host.alerts.get(entry.slot);
      if (known === undefined && truth !== true) continue;
      const alert = known ?? this.#book.open(host, entry);
      if (truth === "unknown") this.#book.unknown(alert, "fleet_silent", now_ms);
      else this.#book.step(alert, [truth], { now_ms, story: "host_silent" });
    }
    for (const { active, isSilent, summary } of fleets) {
      const slot = this.#roster.slots.of(active.id, "");
      const fleet = this.#roster.fleet();
      const known = fleet.alerts.get(slot);
      if (known === undefined && !isSilent) continue;
      const alert = known ?? this.#book.open(fleet, { active, metric: "", slot });
      this.#book.step(alert, [isSilent], { now_ms, story: "fleet_silent", summary });
    }
  }
}
