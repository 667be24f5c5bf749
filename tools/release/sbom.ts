/**
 * What a release is made of, as a software bill of materials: CycloneDX 1.6, JSON. Everything in it
 * is read from deno.lock, from the packages themselves and from what is packed; what is only needed
 * for building and testing is named, too, and marked as excluded.
 */
import { createHash } from "node:crypto";

/** An npm package of deno.lock. */
export interface BillPackage {
  name: string;
  version: string;
  /** `sha512-` and base64, as deno.lock has it. */
  integrity: string | undefined;
  licence: string | undefined;
  /** Whether it is in the program. */
  shipped: boolean;
}

export interface BillOptions {
  version: string;
  /** Seconds since 1970. */
  at_s: number;
  packages: readonly BillPackage[];
  /** Versions of Deno in the executables. */
  deno: readonly string[];
  /** npm packages with PostgreSQL, by the platforms that were built. */
  postgres: readonly BillPackage[];
}

/** Libraries that the builds of PostgreSQL bring along on Linux, by the licences they are under. */
const BESIDE_POSTGRES = [
  { name: "openssl", version: "1.1", licence: "OpenSSL" },
  { name: "icu", version: "60.2", licence: "ICU" },
  { name: "libxml2", version: "2", licence: "MIT" },
  { name: "libxslt", version: "1", licence: "MIT" },
  { name: "zlib", version: "1", licence: "Zlib" },
  { name: "liblzma", version: "5", licence: "0BSD" },
  { name: "ossp-uuid", version: "1.6", licence: "MIT" },
];

/** SPDX names of one licence each; the rest are expressions, or words. */
const SPDX_NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

function licences(licence: string | undefined) {
  if (licence === undefined) return {};
  return SPDX_NAME.test(licence)
    ? { licenses: [{ license: { id: licence } }] }
    : { licenses: [{ expression: licence }] };
}

/** `pkg:npm/%40scope/name@1.2.3` */
export function packageUrl({ name, version }: { name: string; version: string }): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function hashes(integrity: string | undefined) {
  const [, base64] = /^sha512-(.+)$/.exec(integrity ?? "") ?? [];
  if (base64 === undefined) return {};
  const content = Uint8Array.fromBase64(base64).toHex();
  return { hashes: [{ alg: "SHA-512", content }] };
}

function npmComponent(one: BillPackage) {
  const purl = packageUrl(one);
  return {
    type: "library",
    "bom-ref": purl,
    name: one.name,
    version: one.version,
    scope: one.shipped ? "required" : "excluded",
    purl,
    ...hashes(one.integrity),
    ...licences(one.licence),
  };
}

function postgresComponent(one: BillPackage) {
  return {
    ...npmComponent(one),
    type: "application",
    description: "PostgreSQL, unpacked into the data directory at the first start",
    ...licences("PostgreSQL"),
    ...(one.name.includes("linux")
      ? {
        components: BESIDE_POSTGRES.map(({ name, version, licence }) => ({
          type: "library",
          "bom-ref": `${packageUrl(one)}#${name}`,
          name,
          version,
          ...licences(licence),
        })),
      }
      : {}),
  };
}

/** The document, as an object for JSON. Equal releases have equal ones. */
export function billOfMaterials(options: BillOptions) {
  const { version, at_s, packages, deno, postgres } = options;
  const runtimes = deno.map((one) => ({
    type: "platform",
    "bom-ref": `pkg:github/denoland/deno@v${one}`,
    name: "deno",
    version: one,
    scope: "required",
    purl: `pkg:github/denoland/deno@v${one}`,
    ...licences("MIT"),
  }));
  const components = [
    ...runtimes,
    ...postgres.map(postgresComponent),
    ...packages.map(npmComponent),
  ];
  const shipped = components.filter(({ scope }) => scope === "required");
  const content = {
    metadata: {
      timestamp: new Date(at_s * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": "monitor",
        name: "monitor",
        version,
        ...licences("Apache-2.0"),
      },
    },
    components,
    dependencies: [{ ref: "monitor", dependsOn: shipped.map((one) => one["bom-ref"]) }],
  };
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    ...content,
  };
}

/** A UUID (version 8, RFC 9562) of a digest. */
function uuidOf(hex: string): string {
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
  ];
  return [...parts, hex.slice(20, 32)].join("-");
}
