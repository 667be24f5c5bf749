/**
 * From what the operator wrote under `collectors.<name>` to the values a script finds in
 * `host.options`, and the permissions that follow from them: the network of exactly the hosts and
 * ports that were written, the files of exactly the sockets. Everything is checked here, on the
 * trusted side, so that a script need not doubt its options.
 *
 * A secret `password` may be written as `password_file`: the file is read here, with the rights of the
 * agent, and the script is given the text. Which files are read is only ever the operator's word.
 */
import { childPath, shown } from "../report.ts";
import { durationMs, durationText } from "./duration.ts";
import type { Option, OptionDescriptions } from "./options.ts";
import { type Place, placeAt, placeGrants } from "./place.ts";
import { mergedPermissions, type PermissionSet } from "./permissions.ts";

/** Plain data, as a script is given it. */
export type OptionValue =
  | boolean
  | number
  | string
  | OptionValue[]
  | { [name: string]: OptionValue };
export type OptionValues = Record<string, OptionValue>;

export interface OptionContext {
  /** Where the options stand, for messages: `collectors.redis`. */
  path: string;
  /** Text of a file with a secret, without white space around it; rejects when it cannot be read. */
  readSecret: (file: string) => Promise<string>;
  /** Addresses of the machine's own name servers. */
  nameservers: () => Promise<string[]>;
}

export type ReadOptions =
  | { kind: "ready"; values: OptionValues; permissions: PermissionSet }
  /** Nothing was written, and something has to be. */
  | { kind: "off"; missing: string[] }
  | { kind: "wrong"; faults: string[] };

const TARGETS_MAX = 100;
const TEXT_CHARS_MAX = 4_096;
const SECRET_CHARS_MAX = 512 * 1024;
const TARGET_CHARS_MAX = 100;
const DURATION_MS_MAX = 3_600_000;
/** What a target may be called: part of a series' name. */
const NOT_OF_A_NAME = /[^\w.:/@[\]-]/g;

/** A message about one value; `path` is where it stands. */
class OptionFault extends Error {}

interface Reading {
  context: OptionContext;
  faults: string[];
  permissions: PermissionSet;
}

/** Reads and checks what was written. Rejects only for faults of ours. */
export async function readOptions(
  described: OptionDescriptions,
  written: Record<string, unknown>,
  context: OptionContext,
): Promise<ReadOptions> {
  const required = Object.keys(described).filter((name) => described[name]?.required);
  if (Object.keys(written).length === 0 && required.length > 0) {
    return { kind: "off", missing: required };
  }
  const reading: Reading = { context, faults: [], permissions: {} };
  const values = await readFields(described, written, { reading, path: context.path });
  const { faults, permissions } = reading;
  return faults.length > 0 ? { kind: "wrong", faults } : { kind: "ready", values, permissions };
}

async function readFields(
  described: OptionDescriptions,
  written: Record<string, unknown>,
  at: { reading: Reading; path: string },
): Promise<OptionValues> {
  const { faults } = at.reading;
  const known = new Set(
    Object.entries(described).flatMap(([name, { type }]) =>
      type === "secret" ? [name, `${name}_file`] : [name]
    ),
  );
  for (const key of Object.keys(written).filter((key) => !known.has(key))) {
    const own = [...known].join(", ");
    faults.push(
      `${childPath(at.path, key)} is not an option: there ${
        known.size === 0 ? "are none" : `is ${own}`
      }`,
    );
  }
  const values: OptionValues = {};
  for (const [name, option] of Object.entries(described)) {
    const path = childPath(at.path, name);
    try {
      const input = option.type === "secret"
        ? await secretInput(name, written, at)
        : own(written, name) ?? option.default;
      if (input !== undefined && input !== null) {
        values[name] = await readValue(option, input, { ...at, path });
      } else if (option.required) faults.push(`${path} is missing: ${option.description}`);
    } catch (error) {
      if (!(error instanceof OptionFault)) throw error;
      faults.push(`${path} ${error.message}`);
    }
  }
  return values;
}

function own(written: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(written, name) ? written[name] : undefined;
}

async function secretInput(
  name: string,
  written: Record<string, unknown>,
  { reading }: { reading: Reading },
): Promise<unknown> {
  const [plain, file] = [own(written, name), own(written, `${name}_file`)];
  if (file === undefined) return plain;
  if (plain !== undefined) throw new OptionFault(`and ${name}_file are given: leave one out`);
  if (typeof file !== "string" || file === "") {
    throw new OptionFault(
      `has a ${name}_file that is no file name: current value is ${shown(file)}`,
    );
  }
  try {
    return await reading.context.readSecret(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionFault(`cannot be read from ${name}_file ${shown(file)}: ${why}`);
  }
}

async function readValue(
  option: Option,
  input: unknown,
  at: { reading: Reading; path: string },
): Promise<OptionValue> {
  const wrong = (right: string) =>
    new OptionFault(`must be ${right}: current value is ${shown(input)}`);
  switch (option.type) {
    case "boolean":
      if (typeof input === "boolean") return input;
      throw wrong("true or false");
    case "number":
      return readNumber(option, input, wrong);
    case "duration": {
      const ms = Math.round(durationMs(input) ?? NaN);
      const [min, max] = [option.min ?? 1, option.max ?? DURATION_MS_MAX];
      if (ms >= min && ms <= max) return ms;
      throw wrong(
        `between ${durationText(min)} and ${durationText(max)}, as seconds or a text such as "5s"`,
      );
    }
    case "text":
      if (option.choices !== undefined && !option.choices.some((one) => one === input)) {
        throw wrong(option.choices.map((one) => JSON.stringify(one)).join(" or "));
      }
      return readText(input, wrong);
    case "texts":
      if (!Array.isArray(input) || input.length > TARGETS_MAX) {
        throw wrong(`a list of at most ${TARGETS_MAX} texts`);
      }
      return input.map((one) => readText(one, wrong));
    case "secret":
      // never shown, not even when it is wrong
      return readText(input, () => new OptionFault("must be a text"), SECRET_CHARS_MAX);
    case "url":
    case "address":
      return grant(placeAt(option, input) ?? wrong(PLACE_RIGHT[option.type]), at.reading);
    case "nameserver":
      return await readNameservers(option, input, { ...at, wrong });
    case "targets":
      return await readTargets(option, input, { ...at, wrong });
  }
}

const PLACE_RIGHT = {
  url: 'a URL such as "https://example.com/health", without user and password',
  address: 'an address such as "db.example:5432", "[::1]:6379" or "/run/service.sock"',
};

type Wrong = (right: string) => OptionFault;

function readNumber({ min = -Infinity, max = Infinity }: Option, input: unknown, wrong: Wrong) {
  if (typeof input === "number" && input >= min && input <= max) return input;
  const limits = [
    min > -Infinity ? `at least ${min}` : "",
    max < Infinity ? `at most ${max}` : "",
  ].filter(Boolean);
  throw wrong(["a number", limits.join(" and ")].filter(Boolean).join(" of "));
}

function readText(input: unknown, wrong: Wrong, chars_max = TEXT_CHARS_MAX): string {
  const fits = typeof input === "string" && input !== "" && input.length <= chars_max &&
    input.isWellFormed();
  if (fits) return input;
  throw wrong(`a text of 1 to ${TEXT_CHARS_MAX} characters`);
}

function grant(place: Place | OptionFault, reading: Reading): OptionValue {
  if (place instanceof OptionFault) throw place;
  reading.permissions = mergedPermissions(reading.permissions, placeGrants(place));
  return place.value;
}

async function readNameservers(
  option: Option,
  input: unknown,
  at: { reading: Reading; wrong: Wrong },
): Promise<OptionValue> {
  const addresses = input === "system" ? await at.reading.context.nameservers() : [input];
  if (addresses.length === 0) throw new OptionFault("is needed: this machine names no name server");
  return addresses.map((address) => {
    const place = placeAt({ type: "nameserver", default_port: option.default_port }, address);
    return grant(place ?? at.wrong('"system" or an IP address such as "9.9.9.9"'), at.reading);
  });
}

async function readTargets(
  { fields = {}, shorthand = "" }: Option,
  input: unknown,
  at: { reading: Reading; path: string; wrong: Wrong },
): Promise<OptionValue[]> {
  const { reading, wrong } = at;
  if (!Array.isArray(input) || input.length === 0 || input.length > TARGETS_MAX) {
    throw wrong(`a list of 1 to ${TARGETS_MAX}`);
  }
  const targets: OptionValue[] = [];
  const names = new Set<string>();
  for (const [index, one] of input.entries()) {
    const path = childPath(at.path, index);
    const written = typeof one === "string" ? { [shorthand]: one } : one;
    if (typeof written !== "object" || written === null || Array.isArray(written)) {
      reading.faults.push(
        `${path} must be an object or a text: current value is ${shown(written)}`,
      );
      continue;
    }
    const { name: given, ...rest }: Record<string, unknown> = { ...written };
    const name = targetName(given, rest[shorthand]);
    if (name === undefined) {
      reading.faults.push(
        `${path}.name must have 1 to ${TARGET_CHARS_MAX} letters, digits and ._:/@-: ` +
          `current value is ${shown(given)}`,
      );
    } else if (names.has(name)) {
      reading.faults.push(`${path} is the second called ${shown(name)}: give it another name`);
    } else names.add(name);
    targets.push({
      name: name ?? "",
      ...await readFields(fields, rest, { reading, path }),
    });
  }
  return targets;
}

/** The name that was given, or one made of what the target is. */
function targetName(given: unknown, shorthand: unknown): string | undefined {
  const name = given === undefined
    ? String(shorthand ?? "target").replace(/^https?:\/\//, "").replace(/[?#].*$/, "")
      .replace(/\/$/, "").replace(NOT_OF_A_NAME, "_").slice(0, TARGET_CHARS_MAX)
    : given;
  if (typeof name !== "string" || name === "" || name.length > TARGET_CHARS_MAX) return undefined;
  return name.replace(NOT_OF_A_NAME, "") === name ? name : undefined;
}
