import assert from "node:assert/strict";
import fc from "fast-check";
import { reportParts } from "../../agent/report_parts.ts";
import { REPORT_METRICS_MAX } from "../../report.ts";

function series(count: number, options: { chars: number }) {
  return new Map(
    Array.from({ length: count }, (_, i) => [`${i}`.padStart(options.chars, "x"), i]),
  );
}

Deno.test("reportParts() leaves a report alone that the server takes", () => {
  const small = series(REPORT_METRICS_MAX, { chars: 60 });
  assert.deepEqual(reportParts(small), [small]);
  assert.deepEqual(reportParts(new Map()), [new Map()]);
});

Deno.test("reportParts(): every series is in one part, and no part is too large", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 25_000 }),
      fc.constantFrom(8, 200, 1_024),
      (count, chars) => {
        const whole = series(count, { chars });
        const parts = reportParts(whole);
        assert.deepEqual(new Map(parts.flatMap((part) => [...part])).size, count);
        assert.equal(parts.reduce((sum, part) => sum + part.size, 0), count);
        for (const part of parts) {
          assert.ok(part.size > 0 && part.size <= REPORT_METRICS_MAX);
          const bytes = JSON.stringify(Object.fromEntries(part)).length;
          assert.ok(bytes <= 4 * 1024 * 1024, `${bytes} bytes`);
        }
      },
    ),
    { numRuns: 12 },
  );
});
