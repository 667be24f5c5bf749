import assert from "node:assert/strict";
import type { Answer, Settled } from "../../../server/feed/answer.ts";
import { type FeedBatch, FeedError, Sender } from "../../../server/feed/sender.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const ok = (stored: number, duplicate = 0, refused?: unknown[]): Answer => ({
  status: 200,
  retry_after: null,
  body: JSON.stringify({ status: "received", stored, duplicate, refused }),
});
const error = (status: number, text: string, retry_after: string | null = null): Answer => ({
  status,
  retry_after,
  body: JSON.stringify({ error: text }),
});

interface Trial {
  clock: FakeClock;
  sender: Sender<FeedBatch>;
  abort: AbortController;
  /** Bodies posted so far. */
  posted: string[];
  settled: Settled[];
  waits: (string | undefined)[];
}

/** A sender whose server gives these answers, one after the other; a text is no answer at all. */
function trial(answers: (Answer | string)[], connections = 1): Trial {
  const clock = new FakeClock();
  const abort = new AbortController();
  const posted: string[] = [];
  const settled: Settled[] = [];
  const waits: (string | undefined)[] = [];
  const sender = new Sender<FeedBatch>({
    post: (body) => {
      posted.push(body);
      const answer = answers.shift() ?? "no more answers";
      return typeof answer === "string"
        ? Promise.reject(new Error(answer))
        : Promise.resolve(answer);
    },
    server: "http://x",
    clock,
    connections,
    signal: abort.signal,
    give_up: new AbortController().signal,
    onSettled: (_, one) => settled.push(one),
    onWaiting: (reason) => waits.push(reason),
  });
  return { clock, sender, abort, posted, settled, waits };
}

Deno.test("Sender waits as long as a busy server says, then sends the same again", async () => {
  const { clock, sender, posted, settled, waits } = trial([
    ok(1),
    error(503, "full", "7"),
    ok(0, 2),
  ]);
  await sender.send({ reports: ["0"] });
  await sender.finish();
  await sender.send({ reports: ["1", "2"] });
  await clock.advance(6_999);
  assert.deepEqual([posted.length, waits], [2, ["full"]]);
  await clock.advance(1);
  await sender.finish();
  assert.deepEqual(posted, ["[0]", "[1,2]", "[1,2]"]);
  assert.deepEqual(waits, ["full", undefined]);
  assert.deepEqual(settled.map(({ stored, duplicate }) => [stored, duplicate]), [[1, 0], [0, 2]]);
});

Deno.test("Sender rests before it asks again, also when it is told to come at once", async () => {
  const { clock, sender, posted } = trial([error(503, "away", "0"), ok(1)]);
  const finished = sender.send({ reports: ["0"] }).then(() => sender.finish());
  await clock.advance(0);
  assert.equal(posted.length, 1);
  await clock.advance(60_000);
  await finished;
  assert.equal(posted.length, 2);
});

Deno.test("Sender waits longer and longer for a server that is away, and gives up after minutes", async () => {
  const { clock, sender, posted } = trial([ok(1), ...Array(100).fill("refused")]);
  await sender.send({ reports: ["0"] });
  await sender.finish();
  await sender.send({ reports: ["1"] });
  const ended = assert.rejects(() => sender.finish(), (failure) => {
    assert.ok(failure instanceof FeedError);
    assert.match(failure.message, /^Cannot send to the server at http:\/\/x$/);
    assert.match(String(failure.cause), /it has taken nothing for 5 min: refused/);
    assert.match(failure.hint, /run the command again/);
    return true;
  });
  await clock.advance(1_000 + 2_000 + 4_000);
  assert.equal(posted.length, 1 + 4);
  await clock.advance(360_000);
  await ended;
  assert.ok(posted.length < 25, `${posted.length} tries`);
  await assert.rejects(() => sender.send({ reports: ["2"] }), FeedError);
});

Deno.test("Sender does not wait for a server that was never there", async () => {
  const { sender, posted } = trial(["connection refused"]);
  await sender.send({ reports: ["1"] });
  await assert.rejects(() => sender.finish(), FeedError);
  assert.equal(posted.length, 1);
});

Deno.test("Sender halves what is too large until it fits, and knows which report was refused", async () => {
  const { sender, posted, settled } = trial([
    error(413, "too large"),
    ok(2),
    error(413, "too large"),
    ok(0, 0, [{ index: 0, path: "[0].metrics.x", message: "must be a number" }]),
    error(413, "one is too large"),
  ]);
  await sender.send({ reports: ["1", "2", "3", "4"] });
  await sender.finish();
  assert.deepEqual(posted, ["[1,2,3,4]", "[1,2]", "[3,4]", "[3]", "[4]"]);
  assert.deepEqual(settled, [
    { kind: "settled", stored: 2, duplicate: 0, refused: 0, reasons: [] },
    {
      kind: "settled",
      stored: 0,
      duplicate: 0,
      refused: 1,
      reasons: [{ index: 2, reason: "metrics.x must be a number" }],
    },
    {
      kind: "settled",
      stored: 0,
      duplicate: 0,
      refused: 1,
      reasons: [{ index: 3, reason: "one is too large" }],
    },
  ]);
});

Deno.test("Sender counts every refusal, those that are not listed, too", async () => {
  const refused = [{ index: 1, path: "[1]", message: "no" }];
  const all = { ...error(400, "Cannot take"), body: JSON.stringify({ error: "x", refused }) };
  const { sender, settled } = trial([{ ...ok(1, 1, refused), status: 207 }, all]);
  await sender.send({ reports: ["1", "2", "3", "4", "5"] });
  await sender.send({ reports: ["6", "7"] });
  await sender.finish();
  assert.deepEqual(settled.map((one) => [one.stored, one.duplicate, one.refused]), [
    [1, 1, 3],
    [0, 0, 2],
  ]);
  assert.deepEqual(settled[0]?.reasons, [{ index: 1, reason: "no" }]);
});

Deno.test("Sender ends at once where no report will ever be taken", async () => {
  const answers = [
    error(401, "no token"),
    error(404, "no such path"),
    { status: 302, retry_after: null, body: "" },
    { status: 200, retry_after: null, body: "<html>" },
    ok(7),
  ];
  for (const answer of answers) {
    const { sender } = trial([answer]);
    await sender.send({ reports: ["1"] });
    await assert.rejects(() => sender.finish(), FeedError, JSON.stringify(answer));
  }
});

Deno.test("Sender has no more requests under way than connections", async () => {
  const waiting: ((answer: Answer) => void)[] = [];
  const settled: Settled[] = [];
  const sender = new Sender<FeedBatch>({
    post: () => new Promise((resolve) => waiting.push(resolve)),
    server: "http://x",
    clock: new FakeClock(),
    connections: 2,
    signal: new AbortController().signal,
    give_up: new AbortController().signal,
    onSettled: (_, one) => settled.push(one),
    onWaiting: () => {},
  });
  await sender.send({ reports: ["1"] });
  await sender.send({ reports: ["2"] });
  let third = false;
  const sent = sender.send({ reports: ["3"] }).then(() => third = true);
  await Promise.resolve();
  assert.deepEqual([waiting.length, third], [2, false]);
  waiting[1]?.(ok(1));
  await sent;
  assert.equal(waiting.length, 3);
  waiting[0]?.(ok(1));
  waiting[2]?.(ok(1));
  await sender.finish();
  assert.equal(settled.length, 3);
});

Deno.test("Sender gives up what is not settled when it is stopped", async () => {
  const { clock, sender, abort, posted, settled } = trial([ok(1), error(503, "full", "60")]);
  await sender.send({ reports: ["0"] });
  await sender.finish();
  await sender.send({ reports: ["1"] });
  await clock.advance(1_000);
  abort.abort();
  await sender.finish();
  await sender.send({ reports: ["2"] });
  assert.deepEqual([posted.length, settled.length], [2, 1]);
});
