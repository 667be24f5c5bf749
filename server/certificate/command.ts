/** `monitor certificate create`: a certificate that is its own authority, for servers without one. */
import { Command } from "@commander-js/extra-typings";
import type { Clock } from "../../clock.ts";
import { CommandError, UsageError } from "../cli/failure.ts";
import { programName, type Terminal } from "../cli/terminal.ts";
import { safeText } from "../cli/text.ts";

export interface CertificateContext {
  terminal: Terminal;
  clock: Clock;
}

const DAY_MS = 86_400_000;
/** Clocks of machines differ: it is valid a little before it was made. */
const EARLIER_MS = 3_600_000;
const NAMES_MAX = 100;

function daysOf(text: string): number {
  const days = Number(text);
  if (/^\d{1,5}$/.test(text) && days >= 1 && days <= 36_500) return days;
  throw new UsageError(
    `--days must be a whole number from 1 to 36500: current value is "${safeText(text)}"`,
  );
}

/** Host names and addresses, as they stand in URLs. */
function checked(name: string): string {
  const is_name = /^(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(name);
  if (is_name || (name.includes(":") && URL.canParse(`http://[${name}]`))) return name;
  throw new UsageError(
    `a name must be a host name or an address, such as monitor.example or 10.0.0.5: ` +
      `current value is "${safeText(name)}"`,
  );
}

/** A new file, for its owner only where it is a key. What is there is never replaced. */
async function writeNew(file: string, content: string, mode: number): Promise<void> {
  try {
    await Deno.writeTextFile(file, content, { createNew: true, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new CommandError(`Cannot write "${file}"`, {
        cause: error,
        hint: "name a directory that is there and can be written to with --out",
      });
    }
    throw new CommandError(`Cannot write "${file}"`, {
      cause: "there is one of this name, and it may be in use",
      hint: "move it away, or take another name with --out",
    });
  }
}

function createCommand({ terminal, clock }: CertificateContext) {
  return new Command("create")
    .description("make a key and a self-signed certificate, and print its fingerprint")
    .argument("<names...>", "what the server is called: host names and addresses")
    .option("--out <prefix>", "writes <prefix>.pem and <prefix>.key", "monitor")
    .option("--days <n>", "how long it is valid", daysOf, 825)
    .addHelpText(
      "after",
      `\nExamples:\n  ${programName()} certificate create monitor.example 10.0.0.5\n` +
        `  ${programName()} certificate create localhost 127.0.0.1 --out ./local --days 30`,
    )
    .action(async (names, { out, days }) => {
      if (names.length > NAMES_MAX) {
        throw new UsageError(`at most ${NAMES_MAX} names: current number is ${names.length}`);
      }
      const { selfSigned } = await import("./der.ts");
      const { readKeyPair } = await import("./key_pair.ts");
      const now_ms = clock.now();
      const pair = selfSigned({
        names: names.map(checked),
        from_ms: now_ms - EARLIER_MS,
        to_ms: now_ms + days * DAY_MS,
      });
      const files = { certificate_file: `${out}.pem`, key_file: `${out}.key` };
      await writeNew(files.key_file, pair.key, 0o600);
      await writeNew(files.certificate_file, pair.cert, 0o644);
      const { fingerprint, valid_to_ms } = readKeyPair(files, now_ms);
      terminal.out(
        `certificate  ${files.certificate_file}\nkey          ${files.key_file}\n` +
          `valid to     ${new Date(valid_to_ms).toISOString()}\nfingerprint  ${fingerprint}\n`,
      );
    });
}

/** The group of commands. */
export function certificateCommand(context: CertificateContext) {
  return new Command("certificate")
    .description("make certificates for the server's TLS")
    .addHelpText(
      "after",
      `\nExamples:\n  ${programName()} certificate create monitor.example 10.0.0.5`,
    )
    .addCommand(createCommand(context));
}
