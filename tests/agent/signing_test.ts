import assert from "node:assert/strict";
import { signing } from "../../agent/credential.ts";
import { HostFacts } from "../../agent/facts.ts";
import { reportText } from "../../agent/report_text.ts";
import { Sender } from "../../agent/sender.ts";
import { bodyHash, isSignedBy, readSignature } from "../../signature.ts";
import { hashOf, makeToken } from "../../token.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { EventLog } from "./event_log.ts";
import { openSpool } from "./spool_folder.ts";

Deno.test("Sender signs, by the server's clock as soon as it is known, and never sends the token", async () => {
  const { text: token } = makeToken();
  const at_ms = Date.UTC(2025, 0, 15, 9);
  const seen: { headers: Headers; body: string }[] = [];
  const ask = async (_url: string, init: RequestInit) => {
    seen.push({ headers: new Headers(init.headers), body: String(init.body) });
    const headers = { date: new Date(at_ms).toUTCString() };
    const answer = { status: "received", stored: 1, duplicate: 0 };
    return await Promise.resolve(
      seen.length === 1
        ? new Response("", { status: 401, headers })
        : Response.json(answer, { headers }),
    );
  };
  const clock = new FakeClock();
  const begun_ms = clock.now();
  const outbox = await openSpool(undefined);
  const sender = new Sender({
    ...{ server: "http://server.example", request_timeout_ms: 10_000, ask, outbox, clock },
    credential: signing(token),
    facts: new HostFacts({ tags: {} }),
    log: new EventLog().log,
    random: () => 0.5,
  });
  const text = reportText({ hostname: "a", at_ms: begun_ms, series: new Map([["cpu", 1]]) });
  await outbox.append({ at_ms: begun_ms, text, samples: 1 });
  const stop = new AbortController();
  const running = sender.run(stop.signal);
  while (seen.length < 2) await clock.advance(1_000);
  const [before, after] = seen.map(({ headers }) =>
    readSignature(headers.get("authorization") ?? "")
  );
  assert.ok(after !== undefined && isSignedBy(after, hashOf(token)));
  assert.equal(before?.time_ms, begun_ms);
  assert.ok(Math.abs(after.time_ms - at_ms) < 60_000, `${after.time_ms}`);
  assert.equal(after.body_hash, bodyHash(seen[1]?.body ?? ""));
  const sent = JSON.stringify(seen.map(({ headers, body }) => [[...headers], body]));
  assert.ok(!sent.includes(token), "the token is sent");
  sender.drain();
  stop.abort();
  await running;
});

Deno.test("signing() takes nothing but a token of a server", () => {
  for (const text of ["", "s3cret", makeToken().text.slice(1)]) {
    assert.equal(signing(text), undefined);
  }
});
