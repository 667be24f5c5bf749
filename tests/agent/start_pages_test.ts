/** What is given back after the start: exactly what can be read again from the file. */
import assert from "node:assert/strict";
import { filePages, keepSmall, releaseFilePages } from "../../agent/start_pages.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";

const mapping = (head: string, anonymous_kb: number) =>
  `${head}\nSize:  132 kB\nRss:  132 kB\nAnonymous:  ${anonymous_kb} kB\nVmFlags: rd mr\n`;

Deno.test("filePages() takes what is as in its file, and nothing that was changed or could be", () => {
  const text = [
    mapping("1000-3000 r--p 00000000 fe:00 77 /usr/bin/monitor", 0),
    mapping("3000-4000 r-xp 00002000 fe:00 77 /usr/bin/with a space", 0),
    // relocations, written and then locked
    mapping("4000-5000 r--p 00003000 fe:00 77 /usr/bin/monitor", 4),
    mapping("5000-6000 rw-p 00004000 fe:00 77 /usr/bin/monitor", 0),
    mapping("6000-7000 r--s 00000000 fe:00 78 /cache", 0),
    mapping("7000-8000 r-xp 00000000 00:00 0 [vdso]", 0),
    mapping("8000-9000 r--p 00000000 00:00 0 ", 0),
  ].join("");
  assert.deepEqual(filePages(text), [
    { start: 0x1000n, bytes: 0x2000n },
    { start: 0x3000n, bytes: 0x1000n },
  ]);
});

Deno.test({
  name: "releaseFilePages() makes the process smaller, which goes on working",
  ignore: Deno.build.os !== "linux",
  fn() {
    const file_kb = () =>
      Number(/^RssFile:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
    const before_kb = file_kb();
    releaseFilePages();
    const after_kb = file_kb();
    assert.ok(after_kb < before_kb / 2, `${after_kb} of ${before_kb} kB are left`);
    assert.equal(JSON.stringify([..."abc"].map((letter) => letter.toUpperCase())), '["A","B","C"]');
  },
});

Deno.test({
  name: "keepSmall() does so after the start and every hour, until it is ended",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const clock = new FakeClock();
    const stop = new AbortController();
    const ended = keepSmall({ clock, log: new EventLog().log, signal: stop.signal });
    assert.equal(clock.sleeping, 1);
    await clock.advance(15_000);
    await clock.advance(3_600_000);
    assert.equal(clock.sleeping, 1);
    stop.abort();
    await ended;
    assert.equal(clock.sleeping, 0);
  },
});
