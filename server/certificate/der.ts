/**
 * Self-signed certificates, made by hand: DER is a tag, a length and a content, and a certificate of
 * version 3 needs few of them (RFC 5280). No tool has to be installed.
 */
import { Buffer } from "node:buffer";
import { createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { isIPv4 } from "node:net";

export interface KeyPair {
  /** PEM. */
  cert: string;
  /** PEM, PKCS #8. */
  key: string;
}

function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128
    ? [tag, length]
    : length < 256
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from(head), content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const bytes = (...values: number[]) => Uint8Array.from(values);
const ascii = (text: string) => new TextEncoder().encode(text);
const bits = (content: Uint8Array) => der(0x03, bytes(0), content);

/** 2.5.4.3, 2.5.29.17 and 1.2.840.10045.4.3.2, as DER writes them. */
const COMMON_NAME = der(0x06, bytes(0x55, 4, 3));
const ALTERNATIVE_NAMES = der(0x06, bytes(0x55, 0x1d, 0x11));
const ECDSA_SHA256 = sequence(
  der(0x06, bytes(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)),
);

/** "20261231235959Z" */
function time(at_ms: number): Uint8Array {
  const digits = new Date(at_ms).toISOString().replace(/\D/g, "").slice(0, 14);
  return der(0x18, ascii(`${digits}Z`));
}

function nameOf(common_name: string): Uint8Array {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, ascii(common_name)))));
}

/** The sixteen bytes of an IPv6 address, which URL has written in its shortest form. */
function ipv6(address: string): Uint8Array {
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((one) => parseInt(one, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return bytes(...[...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]));
}

function alternative(name: string): Uint8Array {
  if (isIPv4(name)) return der(0x87, bytes(...name.split(".").map(Number)));
  return name.includes(":") ? der(0x87, ipv6(name)) : der(0x82, ascii(name));
}

/** A certificate for these names and addresses, the first of which is its subject. */
export function selfSigned(
  { names, from_ms, to_ms }: { names: readonly string[]; from_ms: number; to_ms: number },
): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  // positive, and never with a zero in front
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const subject = nameOf(names[0] ?? "monitor");
  const content = sequence(
    der(0xa0, der(0x02, bytes(2))),
    der(0x02, serial),
    ECDSA_SHA256,
    subject,
    sequence(time(from_ms), time(to_ms)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(sequence(ALTERNATIVE_NAMES, der(0x04, sequence(...names.map(alternative))))),
    ),
  );
  const signature = createSign("sha256").update(content).sign(privateKey);
  const whole = Buffer.from(sequence(content, ECDSA_SHA256, bits(signature)));
  const lines = whole.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
