/** Options: what an operator writes becomes values and exactly the permissions that follow. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readOptions } from "../../agent/option_values.ts";
import { type OptionDescriptions, optionsSchema } from "../../agent/options.ts";
import { normalPermissions, permissionsText } from "../../agent/permissions.ts";

const about = { description: "about it" };
const EVERYTHING: OptionDescriptions = optionsSchema.parse({
  flag: { type: "boolean", default: false, ...about },
  count: { type: "number", min: 1, max: 10, ...about },
  wait: { type: "duration", default: "5s", max: 60_000, ...about },
  mode: { type: "text", choices: ["a", "b"], ...about },
  units: { type: "texts", default: [], ...about },
  password: { type: "secret", ...about },
  page: { type: "url", ...about },
  server: { type: "address", default_port: 6379, ...about },
  resolver: { type: "nameserver", ...about },
  targets: {
    type: "targets",
    shorthand: "address",
    fields: {
      address: { type: "address", required: true, ...about },
      timeout: { type: "duration", default: 2, ...about },
    },
    ...about,
  },
});

const secrets: Record<string, string> = { "/run/secret": "s3cret" };

function read(written: Record<string, unknown>, described = EVERYTHING) {
  return readOptions(described, written, {
    path: "collectors.x",
    readSecret: (file) => {
      const text = secrets[file];
      return text === undefined ? Promise.reject(new Error("it does not exist")) : Promise.resolve(
        text,
      );
    },
    nameservers: () => Promise.resolve(["192.0.2.1", "2001:db8::1"]),
  });
}

async function ready(written: Record<string, unknown>) {
  const result = await read(written);
  assert.equal(result.kind, "ready", JSON.stringify(result));
  return result;
}

async function faultsOf(written: Record<string, unknown>): Promise<string[]> {
  const result = await read(written);
  return result.kind === "wrong" ? result.faults : [];
}

Deno.test("readOptions() fills in defaults, and grants nothing for them", async () => {
  const { values, permissions } = await ready({});
  assert.deepEqual(values, { flag: false, wait: 5_000, units: [] });
  assert.equal(permissionsText(permissions), "none");
});

Deno.test("readOptions() gives values as scripts want them", async () => {
  const { values } = await ready({
    ...{ flag: true, count: 2.5, wait: "500ms", mode: "b", units: ["ssh.service"] },
    ...{ password_file: "/run/secret", page: "https://Example.com", server: "[::1]" },
    resolver: "system",
    targets: ["a.example:80", { name: "db", address: "/run/db.sock", timeout: "1s" }],
  });
  assert.deepEqual(values, {
    ...{ flag: true, count: 2.5, wait: 500, mode: "b", units: ["ssh.service"] },
    ...{ password: "s3cret", page: "https://example.com/" },
    server: { hostname: "::1", port: 6379 },
    resolver: [{ hostname: "192.0.2.1", port: 53 }, { hostname: "2001:db8::1", port: 53 }],
    targets: [
      { name: "a.example:80", address: { hostname: "a.example", port: 80 }, timeout: 2_000 },
      { name: "db", address: { path: "/run/db.sock" }, timeout: 1_000 },
    ],
  });
});

Deno.test("readOptions() grants the hosts, ports and sockets that were written, and no others", async () => {
  const { permissions } = await ready({
    page: "https://example.com/health?deep=1",
    server: "[::1]",
    resolver: "9.9.9.9",
    targets: ["a.example:80", { name: "again", address: "a.example:80" }, "/run/db.sock"],
  });
  const { net, read, write, ...others } = normalPermissions(permissions);
  assert.deepEqual(
    Array.isArray(net) && net.filter((name) => !name.startsWith("unix:")),
    ["9.9.9.9:53", "[::1]:6379", "a.example:80", "example.com:443"],
  );
  assert.deepEqual([read, write], [["/run/db.sock"], ["/run/db.sock"]]);
  assert.deepEqual(others, { env: false, sys: false, run: false, ffi: false });
});

Deno.test("readOptions() is off when something is required and nothing is written", async () => {
  const described = optionsSchema.parse({ page: { type: "url", required: true, ...about } });
  assert.deepEqual(await read({}, described), { kind: "off", missing: ["page"] });
  const named = await read({ pages: "http://a" }, described);
  assert.deepEqual(named.kind === "wrong" ? named.faults : [], [
    "collectors.x.pages is not an option: there is page",
    "collectors.x.page is missing: about it",
  ]);
});

Deno.test("readOptions() names each fault with its place, its value and what would be right", async () => {
  const faults = await faultsOf({
    ...{ flag: "yes", count: 11, wait: "2h", mode: "c", units: [1], colour: "red" },
    ...{ page: "https://user:pw@a.example/", server: "a.example:0", resolver: "dns.example" },
    targets: ["a:1", { name: "a:1", address: "b:1" }, { name: "x y", address: "c" }, 4],
  });
  assert.deepEqual(faults, [
    "collectors.x.colour is not an option: there is flag, count, wait, mode, units, password, password_file, page, server, resolver, targets",
    'collectors.x.flag must be true or false: current value is "yes"',
    "collectors.x.count must be a number of at least 1 and at most 10: current value is 11",
    'collectors.x.wait must be between 1 ms and 1 min, as seconds or a text such as "5s": current value is "2h"',
    'collectors.x.mode must be "a" or "b": current value is "c"',
    "collectors.x.units must be a text of 1 to 4096 characters: current value is [1]",
    'collectors.x.page must be a URL such as "https://example.com/health", without user and password: current value is "https://user:pw@a.example/"',
    'collectors.x.server must be an address such as "db.example:5432", "[::1]:6379" or "/run/service.sock": current value is "a.example:0"',
    'collectors.x.resolver must be "system" or an IP address such as "9.9.9.9": current value is "dns.example"',
    'collectors.x.targets[1] is the second called "a:1": give it another name',
    'collectors.x.targets[2].name must have 1 to 100 letters, digits and ._:/@-: current value is "x y"',
    'collectors.x.targets[2].address must be an address such as "db.example:5432", "[::1]:6379" or "/run/service.sock": current value is "c"',
    "collectors.x.targets[3] must be an object or a text: current value is 4",
  ]);
});

Deno.test("readOptions() never shows a secret, and says which file could not be read", async () => {
  assert.deepEqual(await faultsOf({ password: 1234567 }), [
    "collectors.x.password must be a text",
  ]);
  assert.deepEqual(await faultsOf({ password_file: "/run/none" }), [
    'collectors.x.password cannot be read from password_file "/run/none": it does not exist',
  ]);
  assert.deepEqual(await faultsOf({ password: "a", password_file: "/run/secret" }), [
    "collectors.x.password and password_file are given: leave one out",
  ]);
});

Deno.test("readOptions(): whatever is written, net is granted for no host that is not in it", async () => {
  const text = fc.oneof(fc.webUrl(), fc.domain().map((name) => `${name}:80`), fc.string());
  await fc.assert(
    fc.asyncProperty(text, text, async (page, address) => {
      const result = await read({ page, targets: [address] });
      if (result.kind !== "ready") return;
      const { net, read: files, write, ...others } = normalPermissions(result.permissions);
      const written = `${page} ${address}`.toLowerCase();
      for (const granted of Array.isArray(net) ? net : []) {
        const host = granted.replace(/^unix:/, "").replace(/:\d+$/, "").toLowerCase();
        assert.ok(written.includes(host), `${granted} is not in ${written}`);
      }
      for (const path of [files, write].flat()) {
        assert.ok(path === false || path === address, String(path));
      }
      assert.deepEqual(Object.values(others).filter(Boolean), []);
    }),
    { numRuns: 300 },
  );
});

Deno.test("optionsSchema refuses a description that means nothing", () => {
  const wrong: unknown[] = [
    { x: { type: "colour", ...about } },
    { x: { type: "targets", ...about } },
    { x: { type: "text", shorthand: "a", ...about } },
    { "X y": { type: "text", ...about } },
    {
      x: {
        type: "targets",
        shorthand: "name",
        fields: { name: { type: "text", ...about } },
        ...about,
      },
    },
  ];
  for (const one of wrong) assert.ok(!optionsSchema.safeParse(one).success, JSON.stringify(one));
});
