/**
 * Tokens that the agent has got by a join code, in its data directory: `token.json`, and as long as the
 * server has not agreed to one `token.new.json`, which then takes the other's place.
 */
import { join } from "node:path";
import { z } from "zod";
import { writePrivately } from "./private_file.ts";

const FILE_NAME = "token.json";
const ASKED_NAME = "token.new.json";

const joinedSchema = z.object({
  token: z.string(),
  /** The name of the code by which it was asked for. */
  code: z.string(),
  /** For which it was asked. */
  hostname: z.string(),
});

export type JoinedToken = z.output<typeof joinedSchema>;

/** Undefined when there is none, or it is damaged. Throws what the system says. */
export function readJoinedToken(data_dir: string): Promise<JoinedToken | undefined> {
  return read(join(data_dir, FILE_NAME));
}

/** What was asked for and not answered: asked for again it is the same. */
export function readAskedToken(data_dir: string): Promise<JoinedToken | undefined> {
  return read(join(data_dir, ASKED_NAME));
}

/** Before it is asked for. Throws what the system says. */
export async function writeAskedToken(data_dir: string, token: JoinedToken): Promise<void> {
  await writePrivately(join(data_dir, ASKED_NAME), `${JSON.stringify(token)}\n`);
}

/** The server has agreed: what was asked for is the agent's token. Throws what the system says. */
export async function keepAskedToken(data_dir: string): Promise<void> {
  await Deno.rename(join(data_dir, ASKED_NAME), join(data_dir, FILE_NAME));
}

async function read(file: string): Promise<JoinedToken | undefined> {
  try {
    return joinedSchema.safeParse(JSON.parse(await Deno.readTextFile(file))).data;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
