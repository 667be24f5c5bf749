/** Who asks behind a proxy: nobody can say so of himself. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Hono } from "hono";
import { isAskedByHttps } from "../../../server/http/principal.ts";
import { askerOf, behindProxies, plainAddress, trustedBy } from "../../../server/http/proxies.ts";
import { isNetwork } from "../../../server/config/tls.ts";

const isTrusted = trustedBy(["10.0.0.0/8", "::1", "127.0.0.1"]);
const ask = (remote: string, headers: Record<string, string>) =>
  askerOf(remote, new Headers(headers), isTrusted);

Deno.test("proxies: who is not trusted is who asks, whatever the headers say", () => {
  fc.assert(fc.property(fc.ipV4(), fc.string(), (remote, said) => {
    fc.pre(!isTrusted(remote));
    const headers = new Headers();
    try {
      headers.set("x-forwarded-for", said);
    } catch {
      return; // no such header can be sent
    }
    assert.equal(askerOf(remote, headers, isTrusted), remote);
  }));
});

Deno.test("proxies: what the client writes itself in front of the chain changes nothing", () => {
  fc.assert(fc.property(fc.array(fc.ipV4(), { maxLength: 5 }), (written) => {
    const chain = [...written, "203.0.113.9", "10.1.1.1"].join(", ");
    assert.equal(ask("127.0.0.1", { "x-forwarded-for": chain }), "203.0.113.9");
  }));
});

Deno.test("proxies: the last address that is no proxy's asks; what is no address ends the chain", () => {
  const cases: [string, Record<string, string>, string][] = [
    ["10.0.0.1", {}, "10.0.0.1"],
    ["::ffff:10.0.0.1", { "x-forwarded-for": "192.0.2.7" }, "192.0.2.7"],
    ["10.0.0.1", { "x-forwarded-for": "192.0.2.7:4711" }, "192.0.2.7"],
    ["10.0.0.1", { "x-forwarded-for": "10.9.9.9" }, "10.9.9.9"],
    ["10.0.0.1", { "x-forwarded-for": "192.0.2.7, unknown" }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: 'for=192.0.2.60;proto=http, for="[2001:db8::1]:80"' }, "2001:db8::1"],
    ["::1", { forwarded: "For=192.0.2.43", "x-forwarded-for": "192.0.2.1" }, "192.0.2.43"],
    ["10.0.0.1", { forwarded: "for=_hidden" }, "10.0.0.1"],
    ["192.0.2.5", { "x-forwarded-for": "10.0.0.1" }, "192.0.2.5"],
  ];
  for (const [remote, headers, asker] of cases) assert.equal(ask(remote, headers), asker);
});

Deno.test("proxies: the server sees the address of who asks", async () => {
  const info = {
    remoteAddr: { transport: "tcp", hostname: "10.0.0.1", port: 1 },
    completed: Promise.resolve(),
  } as const;
  const handle = behindProxies(
    (_, { remoteAddr }) => new Response("hostname" in remoteAddr ? remoteAddr.hostname : ""),
    ["10.0.0.0/8"],
  );
  const request = new Request("http://a/", { headers: { "x-forwarded-for": "192.0.2.1" } });
  assert.equal(await (await handle(request, info)).text(), "192.0.2.1");
});

Deno.test("proxies: a trusted proxy says that it was asked by https, nobody else", async () => {
  const app = new Hono().get("/", (c) => c.text(String(isAskedByHttps(c))));
  const handle = behindProxies(
    (request, info) => app.fetch(request, info),
    ["10.0.0.0/8"],
  );
  const cases: [string, Record<string, string>, string][] = [
    ["10.0.0.1", { "x-forwarded-proto": "https" }, "true"],
    ["::ffff:10.0.0.1", { "x-forwarded-proto": "HTTPS, http" }, "true"],
    ["10.0.0.1", { forwarded: "for=192.0.2.1;proto=https, for=10.0.0.2" }, "true"],
    ["10.0.0.1", { forwarded: "for=192.0.2.1", "x-forwarded-proto": "https" }, "false"],
    ["10.0.0.1", { "x-forwarded-proto": "http" }, "false"],
    ["10.0.0.1", {}, "false"],
    ["192.0.2.1", { "x-forwarded-proto": "https" }, "false"],
  ];
  for (const [hostname, headers, expected] of cases) {
    const remoteAddr = { transport: "tcp", hostname, port: 1 } as const;
    const info = { remoteAddr, completed: Promise.resolve() };
    const answer = await handle(new Request("http://a/", { headers }), info);
    assert.equal(await answer.text(), expected, `${hostname} ${JSON.stringify(headers)}`);
  }
});

Deno.test("proxies: networks and addresses are told from other texts", () => {
  for (const right of ["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "0.0.0.0/0"]) {
    assert.ok(isNetwork(right), right);
  }
  for (
    const wrong of ["", "localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "1.2.3"]
  ) {
    assert.ok(!isNetwork(wrong), wrong);
  }
  assert.equal(plainAddress("[::1]"), "::1");
  assert.equal(plainAddress("nobody"), undefined);
});
