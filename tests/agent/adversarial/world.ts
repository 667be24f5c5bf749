/**
 * What the scripts of the adversarial suite are after: files with a secret in them, a file that must stay
 * as it is, a folder that must stay empty, ports that nobody may connect to, a program that must not be
 * started. Afterwards it tells what was touched.
 */
import { type TempDir, tempDir } from "../../support/temp_dir.ts";

/** In every file that must not be read, in a variable, and in the name of a file. */
export const SECRET = "hunter2-of-the-adversarial-suite";
const KEPT = "as it was";

export interface Place {
  /** Paths. `secret` and `kept` are granted to nobody. */
  secret: string;
  secret_js: string;
  secret_json: string;
  secret_wasm: string;
  kept: string;
  empty_dir: string;
  program: string;
  socket: string;
  /** Granted to scripts that declare it: a file, and a folder that has links to what is not granted. */
  granted: string;
  granted_dir: string;
  writable_dir: string;
  /** A port that nobody is granted, and one that may be declared. */
  port: number;
  granted_port: number;
}

/** The smallest WebAssembly module, with the secret in a section of its own. */
function wasmWithSecret(): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(SECRET);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[0, text.length + 2, 1, 0x73, ...text],
  ]);
}

async function makeFiles(dir: TempDir): Promise<Omit<Place, "port" | "granted_port">> {
  const place = {
    secret: dir.join("secret.txt"),
    secret_js: dir.join("secret.js"),
    secret_json: dir.join("secret.json"),
    secret_wasm: dir.join("secret.wasm"),
    kept: dir.join("kept"),
    empty_dir: dir.join("empty"),
    program: dir.join("program"),
    socket: dir.join("socket"),
    granted: dir.join("granted.txt"),
    granted_dir: dir.join("granted"),
    writable_dir: dir.join("writable"),
  };
  const { secret, granted_dir } = place;
  for (const folder of [place.empty_dir, granted_dir, place.writable_dir]) {
    await Deno.mkdir(folder);
    // whoever scripts run as: permissions and the kernel's rules are to hold them, not modes
    await Deno.chmod(folder, 0o777);
  }
  await Deno.writeTextFile(secret, SECRET);
  await Deno.writeTextFile(place.secret_js, `export default "${SECRET}";`);
  await Deno.writeTextFile(place.secret_json, JSON.stringify({ secret: SECRET }));
  await Deno.writeFile(place.secret_wasm, wasmWithSecret());
  await Deno.writeTextFile(place.kept, KEPT);
  await Deno.chmod(place.kept, 0o666);
  await Deno.writeTextFile(place.granted, "granted");
  await Deno.writeTextFile(dir.join("granted", "file"), "granted");
  await Deno.symlink(secret, dir.join("granted", "link"));
  await Deno.symlink(place.kept, dir.join("granted", "kept_link"));
  await Deno.symlink(place.empty_dir, dir.join("granted", "empty_link"));
  await Deno.symlink(dir.join("empty", "missing"), dir.join("granted", "missing_link"));
  await Deno.symlink(dir.path, dir.join("granted", "outer_link"));
  await Deno.writeTextFile(place.program, `#!/bin/sh\necho ran >> ${dir.join("empty", "ran")}\n`);
  await Deno.chmod(place.program, 0o755);
  return place;
}

export class World implements AsyncDisposable {
  readonly place: Place;
  readonly #dir: TempDir;
  readonly #listeners: Deno.Listener[];
  readonly #accepting: Promise<void>[];
  #connections = 0;

  private constructor(place: Place, dir: TempDir, listeners: Deno.Listener[]) {
    this.place = place;
    this.#dir = dir;
    this.#listeners = listeners;
    const [granted, ...forbidden] = listeners;
    this.#accepting = forbidden.map((listener) => this.#count(listener, 1));
    if (granted !== undefined) this.#accepting.push(this.#count(granted, 0));
  }

  static async make(): Promise<World> {
    const dir = await tempDir();
    const files = await makeFiles(dir);
    const [granted, forbidden] = [0, 0].map((port) => Deno.listen({ hostname: "127.0.0.1", port }));
    const unix = Deno.listen({ transport: "unix", path: files.socket });
    await Deno.chmod(files.socket, 0o777);
    if (granted === undefined || forbidden === undefined) throw new Error("BUG: no listeners");
    const ports = { granted_port: granted.addr.port, port: forbidden.addr.port };
    return new World({ ...files, ...ports }, dir, [granted, forbidden, unix as Deno.Listener]);
  }

  /** A path in the world's own folder. */
  join(...names: string[]): string {
    return this.#dir.join(...names);
  }

  /** What scripts have done to it; empty when nothing. */
  async damage(): Promise<string[]> {
    const { kept, empty_dir, writable_dir, secret } = this.place;
    const damage: string[] = [];
    if (await Deno.readTextFile(kept).catch(() => "") !== KEPT) damage.push("a file was written");
    if (await Deno.readTextFile(secret).catch(() => "") !== SECRET) damage.push("a file was moved");
    for (const { name } of Deno.readDirSync(empty_dir)) damage.push(`${name} was made`);
    for (const { name, isSymlink } of Deno.readDirSync(writable_dir)) {
      const { nlink } = await Deno.lstat(`${writable_dir}/${name}`);
      if (isSymlink || (nlink ?? 1) > 1) damage.push(`a link was made: ${name}`);
    }
    const { mode } = await Deno.stat(kept);
    if (mode !== null && (mode & 0o777) !== 0o666) damage.push("a mode was changed");
    if (this.#connections > 0) damage.push(`${this.#connections} connections were made`);
    return damage;
  }

  async #count(listener: Deno.Listener, weight: number): Promise<void> {
    try {
      for await (const connection of listener) {
        this.#connections += weight;
        connection.close();
      }
    } catch {
      // it was closed
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await Promise.all(this.#accepting);
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** One script that tries something. What it returns but 0 means that it got its way. */
export interface Attack {
  /** What it tries; its file's name is made of it. */
  name: string;
  /** Statements of an async `collect(host)`, or with `module` the whole file. */
  code: (place: Place) => string;
  module?: true;
  permissions?: (place: Place) => Record<string, string[] | boolean>;
}

/** The file of an attack. */
export function attackText({ code, module, permissions }: Attack, place: Place): string {
  if (module) return code(place);
  const metric = JSON.stringify({ timeout: "800ms", permissions: permissions?.(place) ?? {} });
  return `export const metric = ${metric};\n` +
    `const shown = (value) => ({ value: null, message: typeof value === "string" ? value : ` +
    `value instanceof Uint8Array ? new TextDecoder().decode(value) : String(JSON.stringify(value)) });\n` +
    `export async function collect(host) {\n${code(place)}\n}\n`;
}

export function attackName({ name }: Attack): string {
  return `x_${name.replaceAll(/[^a-z0-9]+/gi, "_")}`;
}
