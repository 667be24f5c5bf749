/** The long run, for twenty seconds: it says itself whether everything was as it should be. */
import assert from "node:assert/strict";
import { runSoak } from "../soak/soak.ts";

Deno.test("twenty seconds of everything at once: nothing fails, nothing is lost, all is told", async () => {
  const lines: string[] = [];
  const report = await runSoak({
    seconds: 20,
    rate: 10_000,
    say: (text) => lines.push(text),
    signal: new AbortController().signal,
  });
  assert.deepEqual(report.faults, [], lines.join("\n"));
  assert.equal(report.passed, true);
  const { figures, measures } = report;
  assert.equal(figures.errors, 0);
  assert.equal(figures.reports, figures.acknowledged);
  // 2,000 where nobody is behind
  assert.ok(Number(figures.reports) >= 1_500);
  assert.ok(Number(figures.troubles) > 5);
  const names = measures.map(({ name }) => name);
  for (const name of ["server_rss_mb", "files", "connections", "ingest_p99_ms", "latest_p99_ms"]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(measures.every(({ grew }) => !grew));
});
