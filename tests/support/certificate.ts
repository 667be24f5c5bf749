/**
 * Self-signed certificates for tests, made by hand: DER is a tag, a length and a content, and a
 * certificate of version 3 needs few of them. No tool has to be installed.
 */
import { Buffer } from "node:buffer";
import { createSign, generateKeyPairSync } from "node:crypto";

export interface TestCertificate {
  cert: string;
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
const integer = (value: number) => der(0x02, bytes(value));
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

function name(common_name: string): Uint8Array {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, ascii(common_name)))));
}

/** For `localhost` and 127.0.0.1, with a key of its own. */
export function selfSigned(
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = sequence(der(0x82, ascii("localhost")), der(0x87, bytes(127, 0, 0, 1)));
  const content = sequence(
    der(0xa0, integer(2)),
    integer(1),
    ECDSA_SHA256,
    name("localhost"),
    sequence(time(from_ms), time(to_ms)),
    name("localhost"),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(sequence(ALTERNATIVE_NAMES, der(0x04, names)))),
  );
  const signature = createSign("sha256").update(content).sign(privateKey);
  const whole = Buffer.from(sequence(content, ECDSA_SHA256, bits(signature)));
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
