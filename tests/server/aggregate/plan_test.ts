import assert from "node:assert/strict";
import fc from "fast-check";
import type { Partition } from "../../../db/block_partitions.ts";
import { HOT_MS } from "../../../db/partitions.ts";
import { DAY_MS, endOf, HOUR_MS, startOf } from "../../../db/tiers.ts";
import {
  closedBefore,
  type HistoryState,
  planAggregation,
  type PlanOptions,
  type Step,
} from "../../../server/aggregate/plan.ts";

const NOON = Date.UTC(2025, 0, 15, 12);
const MINUTE_MS = 60_000;
const RETENTION = {
  raw_days: 30,
  five_minutes_days: 180,
  one_hour_days: 1_095,
  one_day_days: null,
};
const NOTHING: HistoryState = {
  slots: [],
  late_hours: [],
  pending_hours: [],
  pending_days: [],
  partitions: [],
};

function at(now_ms: number, more: Partial<PlanOptions> = {}): PlanOptions {
  return { now_ms, grace_ms: MINUTE_MS, retention: RETENTION, ...more };
}

function slots(from_ms: number, count: number) {
  return Array.from(
    { length: count },
    (_, i) => ({ start_ms: from_ms + i * HOT_MS, rows_estimate: 10 }),
  );
}

function raw(start_ms: number): Partition {
  return { table: "block_raw", name: "", start_ms, end_ms: start_ms + DAY_MS, bytes: 1 };
}

/** `merge 11:50`, in UTC, to compare whole plans at a glance. */
function shown(steps: Step[]): string[] {
  const time = (at_ms: number) => new Date(at_ms).toISOString();
  return steps.map((step) => {
    switch (step.kind) {
      case "merge_slots":
        return `slots ${step.starts_ms.map((ms) => time(ms).slice(8, 16)).join(" ")}` +
          (step.drop ? "" : ", kept");
      case "merge_late":
        return `late ${time(step.from_ms).slice(8, 16)} to ${time(step.before_ms).slice(8, 16)}`;
      case "roll_hours":
        return `hours ${time(step.day_ms).slice(0, 10)} to ${time(step.before_ms).slice(8, 16)}`;
      case "roll_days":
        return `days ${time(step.month_ms).slice(0, 7)} to ${time(step.before_ms).slice(0, 10)}`;
      case "expire_late":
        return `expire ${time(step.before_ms).slice(0, 10)}`;
      case "drop_partition":
        return `drop ${time(step.partition.start_ms).slice(0, 10)}`;
      case "thin_partition":
        return `thin ${time(step.partition.start_ms).slice(0, 10)}`;
    }
  });
}

Deno.test("closedBefore() is the last border between slots that is a grace ago", () => {
  assert.equal(closedBefore(at(NOON + MINUTE_MS)), NOON);
  assert.equal(closedBefore(at(NOON + MINUTE_MS - 1)), NOON - HOT_MS);
  assert.equal(closedBefore(at(NOON + MINUTE_MS, { grace_ms: 0 })), NOON);
  assert.equal(closedBefore(at(NOON + 5 * HOUR_MS, { until_ms: NOON + 1 })), NOON);
  assert.equal(closedBefore(at(NOON, { until_ms: NOON + 5 * HOUR_MS })), NOON - HOT_MS);
});

Deno.test("planAggregation() leaves the slot alone that is being written, and those ahead", () => {
  const state = { ...NOTHING, slots: slots(NOON - HOT_MS, 14) };
  assert.deepEqual(shown(planAggregation(state, at(NOON + 5 * MINUTE_MS))), [
    "slots 15T11:50",
    "hours 2025-01-15 to 15T12:00",
  ]);
  assert.deepEqual(planAggregation(state, at(NOON + 30_000)), []);
});

Deno.test("planAggregation() merges slots of one hour together", () => {
  const state = { ...NOTHING, slots: slots(NOON - 2 * HOT_MS, 4) };
  assert.deepEqual(shown(planAggregation(state, at(NOON + 21 * MINUTE_MS))), [
    "slots 15T11:40 15T11:50",
    "slots 15T12:00 15T12:10",
    "hours 2025-01-15 to 15T12:00",
  ]);
});

Deno.test("planAggregation() rolls hours up three at a time", () => {
  const pending = (hour: number) => ({
    start_ms: startOf("day", NOON) + hour * HOUR_MS,
    groups: 1,
  });
  const state = { ...NOTHING, pending_hours: [pending(9), pending(10)] };
  assert.deepEqual(planAggregation(state, at(NOON)), []);
  assert.deepEqual(shown(planAggregation(state, at(NOON + MINUTE_MS))), [
    "hours 2025-01-15 to 15T12:00",
  ]);
  // late data for hours before are not worth waiting for
  const late = { ...NOTHING, pending_hours: [pending(2)] };
  assert.deepEqual(shown(planAggregation(late, at(NOON - HOUR_MS))), [
    "hours 2025-01-15 to 15T09:00",
  ]);
});

Deno.test("planAggregation() at a year's border closes hour, day, month and year", () => {
  const midnight = Date.UTC(2026, 0, 1);
  const state = {
    ...NOTHING,
    slots: slots(midnight - HOT_MS, 2),
    pending_hours: [{ start_ms: midnight - HOUR_MS, groups: 1 }],
    pending_days: [{ start_ms: midnight - 2 * DAY_MS, groups: 1 }],
  };
  assert.deepEqual(shown(planAggregation(state, at(midnight + MINUTE_MS))), [
    "slots 31T23:50",
    "hours 2025-12-31 to 01T00:00",
    "days 2025-12 to 2026-01-01",
  ]);
});

Deno.test("planAggregation() keeps days and months apart that it catches up with", () => {
  const days = [Date.UTC(2025, 0, 30), Date.UTC(2025, 0, 31), Date.UTC(2025, 1, 1)];
  const state = {
    ...NOTHING,
    pending_hours: days.map((start_ms) => ({ start_ms: start_ms + 5 * HOUR_MS, groups: 2 })),
  };
  assert.deepEqual(shown(planAggregation(state, at(Date.UTC(2025, 1, 3)))), [
    "hours 2025-01-30 to 31T00:00",
    "hours 2025-01-31 to 01T00:00",
    "hours 2025-02-01 to 02T00:00",
    "days 2025-01 to 2025-02-02",
    "days 2025-02 to 2025-02-02",
  ]);
});

Deno.test("planAggregation() merges late rows of closed slots, and knows what they make necessary", () => {
  const late_hours = [NOON - 3 * DAY_MS, NOON, NOON + HOUR_MS]
    .map((start_ms) => ({ start_ms, rows: 5 }));
  const partitions = [raw(startOf("day", NOON - 3 * DAY_MS))];
  assert.deepEqual(
    shown(planAggregation({ ...NOTHING, late_hours, partitions }, at(NOON + 25 * MINUTE_MS))),
    [
      "late 12T12:00 to 15T12:20",
      "hours 2025-01-12 to 13T00:00",
      "days 2025-01 to 2025-01-15",
    ],
  );
});

Deno.test("planAggregation() deletes late rows whose samples are gone, and no others", () => {
  const old = startOf("day", NOON - 40 * DAY_MS);
  const late_hours = [{ start_ms: old, rows: 1 }, { start_ms: NOON - DAY_MS, rows: 1 }];
  const gone = planAggregation({ ...NOTHING, late_hours }, at(NOON));
  assert.deepEqual(shown(gone).slice(0, 2), ["expire 2024-12-15", "late 14T12:00 to 15T11:50"]);
  // nobody aggregated for ten days: the samples of that day are still there
  const kept = planAggregation({ ...NOTHING, late_hours, partitions: [raw(old)] }, at(NOON));
  assert.deepEqual(shown(kept).at(0), "late 06T00:00 to 15T11:50");
  assert.deepEqual(shown(kept).at(-1), "drop 2024-12-06");
});

Deno.test("planAggregation() of one host, or up to a time, drops nothing", () => {
  const state = {
    ...NOTHING,
    slots: slots(NOON, 1),
    partitions: [raw(NOON - 100 * DAY_MS)],
    late_hours: [{ start_ms: NOON - 200 * DAY_MS, rows: 1 }],
  };
  assert.deepEqual(shown(planAggregation(state, at(NOON + 11 * MINUTE_MS, { partial: true }))), [
    "slots 15T12:00, kept",
  ]);
});

/** Hours of slots, late rows and pending work around a time, and a time that moves on. */
const states = fc.record({
  slots: fc.uniqueArray(fc.integer({ min: 0, max: 2_000 })),
  late: fc.uniqueArray(fc.integer({ min: 0, max: 300 })),
  hours: fc.uniqueArray(fc.integer({ min: 0, max: 300 })),
  days: fc.uniqueArray(fc.integer({ min: 0, max: 12 })),
  start_ms: fc.integer({ min: 0, max: Date.UTC(2100, 0) / DAY_MS }).map((day) => day * DAY_MS),
  now_ms: fc.integer({ min: -DAY_MS, max: 15 * DAY_MS }),
  grace_ms: fc.integer({ min: 0, max: 2 * HOUR_MS }),
}).map(({ slots, late, hours, days, start_ms, now_ms, grace_ms }) => {
  const sorted = (numbers: number[], unit_ms: number) =>
    numbers.toSorted((a, b) => a - b).map((number) => start_ms + number * unit_ms);
  const state: HistoryState = {
    slots: sorted(slots, HOT_MS).map((start_ms) => ({ start_ms, rows_estimate: 1 })),
    late_hours: sorted(late, HOUR_MS).map((start_ms) => ({ start_ms, rows: 1 })),
    pending_hours: sorted(hours, HOUR_MS).map((start_ms) => ({ start_ms, groups: 1 })),
    pending_days: sorted(days, DAY_MS).map((start_ms) => ({ start_ms, groups: 1 })),
    partitions: [raw(start_ms)],
  };
  return { state, options: at(start_ms + now_ms, { grace_ms }) };
});

Deno.test("planAggregation() touches nothing before it is closed, and each slot once", () => {
  fc.assert(fc.property(states, ({ state, options }) => {
    const closed_ms = options.now_ms - options.grace_ms;
    const merged: number[] = [];
    for (const step of planAggregation(state, options)) {
      if (step.kind === "merge_slots") merged.push(...step.starts_ms);
      if (step.kind === "roll_hours" || step.kind === "roll_days" || step.kind === "merge_late") {
        assert.ok(step.before_ms <= closed_ms);
      }
      if (step.kind === "roll_hours") {
        assert.ok(step.day_ms < step.before_ms && step.before_ms <= step.day_ms + DAY_MS);
      }
      if (step.kind === "roll_days") assert.ok(step.month_ms < step.before_ms);
    }
    assert.deepEqual(
      merged,
      state.slots.map(({ start_ms }) => start_ms).filter((ms) => ms + HOT_MS <= closed_ms),
    );
  }));
});

Deno.test("planAggregation() covers everything that is pending and closed for three hours", () => {
  fc.assert(fc.property(states, ({ state, options }) => {
    const steps = planAggregation(state, options);
    const closed_ms = options.now_ms - options.grace_ms;
    for (const { start_ms } of state.pending_hours) {
      const wanted = start_ms + 4 * HOUR_MS <= closed_ms;
      const covered = steps.some((step) =>
        step.kind === "roll_hours" && step.day_ms <= start_ms && start_ms < step.before_ms
      );
      assert.ok(covered || !wanted);
    }
    for (const { start_ms } of state.pending_days) {
      const wanted = endOf("day", start_ms) <= startOf("day", closed_ms);
      const covered = steps.some((step) =>
        step.kind === "roll_days" && step.month_ms <= start_ms && start_ms < step.before_ms
      );
      assert.equal(covered, wanted);
    }
  }));
});

Deno.test("planAggregation() with the clock set back does less, and nothing else", () => {
  fc.assert(fc.property(states, fc.nat(20 * DAY_MS), ({ state, options }, back_ms) => {
    const texts = (now_ms: number) =>
      planAggregation(state, { ...options, now_ms })
        .flatMap((step) => step.kind === "merge_slots" ? step.starts_ms : []);
    const later = new Set(texts(options.now_ms));
    assert.ok(texts(options.now_ms - back_ms).every((start_ms) => later.has(start_ms)));
  }));
});

Deno.test("planAggregation() puts finer tiers before coarser ones", () => {
  const order: Step["kind"][] = [
    "expire_late",
    "merge_slots",
    "merge_late",
    "roll_hours",
    "roll_days",
    "drop_partition",
  ];
  fc.assert(fc.property(states, ({ state, options }) => {
    const places = planAggregation(state, options).map((step) => order.indexOf(step.kind));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
  }));
});
