/** What the system bus answers: agent/dbus_message.ts. */
import assert from "node:assert/strict";
import {
  decodeMessage,
  encodeCall,
  MESSAGE_BYTES_MAX,
  messageLength,
} from "../../../agent/dbus_message.ts";
import type { Rng } from "../rng.ts";
import type { Target } from "../target.ts";
import { word } from "../words.ts";

const utf8 = (text: string) => text.toWellFormed().replaceAll("\0", "");

function call(rng: Rng): Uint8Array {
  return encodeCall({
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: utf8(word(rng)),
    arguments: rng.list(
      0,
      4,
      () => rng.chance(0.5) ? utf8(word(rng)) : rng.list(0, 5, () => utf8(word(rng))),
    ),
  }, rng.u32());
}

export const target: Target = {
  seeds: [
    encodeCall({ destination: "a", path: "/b", interface: "c", member: "d" }, 1),
    encodeCall(
      { destination: "a", path: "/b", interface: "c", member: "d", arguments: ["x", ["y", "z"]] },
      2,
    ),
  ],
  dictionary: [
    "\u0001g\0\u0001s\0",
    "a(sv)",
    "a{sv}",
    "()",
    "a()",
    "aaaaaa",
    "a",
    "v",
    "(((((",
    "a(",
  ],
  make: call,
  check(input) {
    try {
      const length = messageLength(input);
      if (length !== undefined) assert.ok(length <= MESSAGE_BYTES_MAX);
      const { body } = decodeMessage(input);
      assert.ok(Array.isArray(body));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.ok(error instanceof Error);
    }
  },
};
