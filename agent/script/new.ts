/** `monitor script new NAME`: a collector that works as it is written, with its types beside it. */
import { dirname, join } from "node:path";
import { loadAgentConfig } from "../config.ts";
import { DEFAULT_SCRIPT_FOLDER, findScripts, isShippedFolder, nameOfScript } from "../scripts.ts";
import { firstLines } from "../strip.ts";
import type { ScriptContext } from "./command.ts";
import { DECLARATION_NAME, declarationText } from "./declaration.ts";
import { ScriptFailure, ScriptUsageError } from "./failure.ts";

/** What is asked of the machine needs no permission, and is there on every system. */
const TEMPLATE = `/** What NAME measures, in one sentence. */
import type { Collected, Host, Metric } from "./monitor.d.ts";

export const metric: Metric = {
  every: "10s",
  unit: "%",
  kind: "gauge",
  description: "Memory in use",
  // What host does not offer has to be declared: permissions: { read: ["/etc/hostname"] },
};

export async function collect(host: Host): Promise<Collected> {
  const { total, available } = await host.memory();
  return 100 * (total - available) / total;
}
`;

export async function newScript(
  name: string,
  options: { config?: string; metrics?: string },
  context: ScriptContext,
): Promise<void> {
  const { terminal, env, program } = context;
  const file_name = `${name}.ts`;
  if (nameOfScript(file_name) !== name) {
    throw new ScriptUsageError(
      `"${name}" cannot be the name of a collector: it must begin with a letter, then have letters, ` +
        "digits, _ and -, at most 100, and not end in _test",
    );
  }
  const config = await loadAgentConfig({ file: options.config, env: { ...env } });
  const folder = options.metrics ?? config.metrics?.[0] ?? DEFAULT_SCRIPT_FOLDER;
  if (await isShippedFolder(folder)) {
    throw new ScriptUsageError(
      `"${folder}" is where the shipped collectors are: give another folder with --metrics`,
    );
  }
  const shipped = await findScripts({ metrics: [], shipped: true });
  const file = join(folder, file_name);
  await writeNew(file, TEMPLATE.replace("NAME", name));
  const types = join(folder, DECLARATION_NAME);
  const has_types = await Deno.stat(types).then(() => true, () => false);
  if (!has_types) await Deno.writeTextFile(types, await declarationText());
  terminal.out(`${file}\n`);
  if (shipped.some((one) => one.name === name)) {
    terminal.err(`It replaces the shipped collector ${name}.\n`);
  }
  const place = options.metrics === undefined ? "" : ` --metrics ${options.metrics}`;
  terminal.err(
    `Change it, then try it:  ${program} script run ${name}${place}\n` +
      `An agent that looks into ${folder} takes it within two seconds.\n`,
  );
}

/** Never over a file that is there. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, text, { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ScriptFailure(`${file} exists already`, {
        hint: "take another name, or change that",
      });
    }
    throw new ScriptFailure(`Cannot write ${file}`, {
      cause: firstLines(error),
      hint: "write to another folder: --metrics",
    });
  }
}
