/** server_config.json, the agent's settings, database addresses: everything read at a start. */
import assert from "node:assert/strict";
import { agentConfigSchema } from "../../../agent/config.ts";
import { AddressError, displayAddress, resolveAddress, urlOf } from "../../../db/address.ts";
import { jsonFault } from "../../../server/config/json_fault.ts";
import { configSchema } from "../../../server/config/schema.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { json, number, quotedText, word } from "../words.ts";

const SECTIONS = ["webapp", "database", "ingest", "retention", "aggregate", "alerts", "channels"]
  .concat(["routes", "notify", "log", "data_dir", "interval", "metrics", "permissions", "exec"]);
const KEYS = [
  "port",
  "host",
  "url",
  "username",
  "password",
  "raw_days",
  "rules",
  "schedule",
  "kind",
]
  .concat([
    "group_by",
    "level",
    "queue_bytes_max",
    "max_connections",
    "command",
    "every",
    "labels",
  ]);

function object(rng: Rng, keys: readonly string[], depth: number): string {
  return `{${
    rng.list(0, 6, () => {
      const value = depth > 0 && rng.chance(0.7)
        ? object(rng, KEYS, depth - 1)
        : rng.pick([number(rng), quotedText(rng, word(rng)), json(rng, 2), '"5m"', "[]"]);
      return `${quotedText(rng, rng.chance(0.9) ? rng.pick(keys) : word(rng))}: ${value}`;
    }).join()
  }}`;
}

function address(rng: Rng): string {
  const part = () =>
    rng.chance(0.8) ? rng.pick(["a", "db.example.com", "[::1]", "%2Frun"]) : word(rng);
  return `postgres://${part()}${rng.chance(0.6) ? `:${part()}@` : "@"}${part()}` +
    `${rng.chance(0.5) ? `:${rng.below(70_000)}` : ""}/${part()}` +
    `${rng.chance(0.4) ? `?${rng.pick(["host", "port", "sslmode", "user"])}=${part()}` : ""}`;
}

export const target: Target = {
  seeds: [
    '{"database": {"host": "a", "port": 5432, "username": "u", "password": "p"}, "webapp": {"port": 1}}',
    '{"retention": {"raw_days": 3, "rules": [{"metrics": ["a*"], "raw_days": 1}]}}',
    '{"channels": {"hook": {"kind": "webhook", "url": "http://a/"}}, "routes": [{"channels": ["hook"]}]}',
    '{"interval": "10s", "exec": {"a": {"command": ["true"], "every": 60}}}',
    "postgres://user:secret@host:5432/name?sslmode=require",
  ],
  dictionary: ['"channels": {', '"routes": [', ",", "}", "{", "postgres://", "@", "%", "?host=/"],
  make: (rng) => rng.chance(0.2) ? address(rng) : object(rng, SECTIONS, 3),
  check(input) {
    const text = new TextDecoder().decode(input);
    checkAddress(text);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      checkPlace(text);
      return;
    }
    for (const schema of [configSchema, agentConfigSchema]) {
      const parsed = schema.safeParse(value);
      for (const { message } of parsed.error?.issues ?? []) assert.notEqual(message, "");
    }
  },
};

function checkPlace(text: string): void {
  // deeper than the stack: then nobody says where
  if (/[[{]\s*([[{]\s*){500}/.test(text) || (text.match(/[[{]/g)?.length ?? 0) > 1_000) return;
  const place = jsonFault(text);
  assert.ok(place !== undefined, "JSON.parse refuses what has no fault");
  assert.ok(place.line >= 1 && place.line <= text.split("\n").length && place.column >= 1);
}

function checkAddress(text: string): void {
  const secret = /:([^:@/?#\s]{6,})@/.exec(text)?.[1];
  try {
    const resolved = resolveAddress(text);
    assert.deepEqual(resolveAddress(urlOf(resolved)), resolved, "its own URL is read differently");
    const shown = displayAddress(text);
    if (secret !== undefined && resolved.password === secret && !resolved.host.includes(secret)) {
      assert.ok(!shown.includes(`:${secret}@`), "the password is shown");
    }
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    if (secret !== undefined) assert.ok(!error.message.includes(`:${secret}@`), error.message);
  }
}
