/** What is said of servers that cannot be asked: by real ones. */
import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import { whyUnreachable } from "../unreachable.ts";
import { selfSigned } from "./support/certificate.ts";
import { freePort } from "./support/free_port.ts";

async function why(url: string): Promise<string> {
  try {
    await (await fetch(url)).body?.cancel();
    return "reached";
  } catch (error) {
    return whyUnreachable(error);
  }
}

const served = { port: 0, hostname: "127.0.0.1", onListen() {} };
const urlOf = (scheme: string, { addr }: Deno.HttpServer<Deno.NetAddr>) =>
  `${scheme}://127.0.0.1:${addr.port}/?key=s3cret`;

Deno.test("whyUnreachable() says what to look for, and no URL", async () => {
  const now_ms = systemClock.now();
  const { cert, key } = selfSigned({ from_ms: now_ms - 60_000, to_ms: now_ms + 86_400_000 });
  await using plain = Deno.serve(served, () => new Response());
  await using tls = Deno.serve({ ...served, cert, key }, () => new Response());
  assert.equal(
    await why(urlOf("http", tls)),
    "https is spoken there: the URL must begin with https://",
  );
  assert.equal(
    await why(urlOf("https", plain)),
    "plain http is spoken there: the URL must begin with http://",
  );
  assert.equal(await why(urlOf("https", tls)), "its certificate is of nobody this machine trusts");
  assert.equal(
    await why(`http://127.0.0.1:${freePort()}/?key=s3cret`),
    "connection refused, nothing listens there",
  );
  assert.equal(await why("http://no-such-host.invalid/"), "no machine of this name is known");
});

Deno.test("whyUnreachable() leaves the rest as it was said", () => {
  const cause = new Error(
    "error sending request for url (http://a/?key=s3cret): connection closed before message completed",
  );
  const error = new TypeError("fetch failed", { cause });
  assert.equal(whyUnreachable(error), "connection closed before message completed");
  assert.equal(whyUnreachable(new Error("no answer within 10 s")), "no answer within 10 s");
  assert.equal(whyUnreachable("odd"), "odd");
});
