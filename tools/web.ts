/**
 * Builds the page: bundles `server/web/` into `server/web/static/`, which the server hands out and the
 * executable carries. Nothing is done when nothing has changed since the last time, so that every task
 * that serves the page can begin with it.
 *
 *   deno run -A tools/web.ts [--force]
 *
 * Scripts and styles are named by a hash of what is in them: a browser keeps them for ever, and asks
 * only for the page, which names them.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const TOP = new URL("../", import.meta.url);
const SOURCE = new URL("server/web/", TOP);
const STATIC = new URL("static/", SOURCE);
const STAMP_NAME = "sources.sha256";
const STAMP = new URL(STAMP_NAME, STATIC);
/** All of the page that a browser loads, packed: the promise is 150 kB. */
const PACKED_BYTES_MAX = 150 * 1024;

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function hashOf(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

/** Everything that the result depends on. */
function sourcesHash(): string {
  const files = [...Deno.readDirSync(SOURCE)].filter(({ isFile }) => isFile)
    .map(({ name }) => name).sort();
  const texts = files.map((name) => `${name}\n${Deno.readTextFileSync(new URL(name, SOURCE))}`);
  // glob.ts is all that the page takes from outside its folder
  const settings = ["deno.json", "deno.lock", "tools/web.ts", "server/wire/glob.ts"]
    .map((name) => Deno.readTextFileSync(new URL(name, TOP)));
  return hashOf(...texts, ...settings);
}

function isBuilt(hash: string): boolean {
  try {
    return Deno.readTextFileSync(STAMP) === hash;
  } catch {
    return false;
  }
}

async function bundle(): Promise<Uint8Array<ArrayBuffer>> {
  const output = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", "--minify", "--output", output],
        fileURLToPath(new URL("main.tsx", SOURCE)),
      ],
      cwd: TOP,
    }).output();
    if (!success) throw new Error(`Cannot bundle the page:\n${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(output);
  }
}

/** Removes what a minifier would; style sheets are small. */
function smallStyle(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\s*([{};,>])\s*/g, "$1")
    .replaceAll(/:\s+/g, ":").replaceAll(/\s+/g, " ").trim();
}

async function build(hash: string): Promise<void> {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", TOP)));
  const script = await bundle();
  const style = smallStyle(await Deno.readTextFile(new URL("style.css", SOURCE)));
  const icon = await Deno.readTextFile(new URL("icon.svg", SOURCE));
  const names = {
    SCRIPT: `app-${hashOf(script).slice(0, 12)}.js`,
    STYLE: `app-${hashOf(style).slice(0, 12)}.css`,
    ICON: `icon-${hashOf(icon).slice(0, 12)}.svg`,
    VERSION: String(version),
  };
  const page = Object.entries(names).reduce(
    (text, [name, value]) => text.replaceAll(`%${name}%`, value),
    await Deno.readTextFile(new URL("index.html", SOURCE)),
  );
  const packed = [script, style, page, icon].reduce((sum, part) => sum + gzipSync(part).length, 0);
  say(`page built: ${(script.length / 1024).toFixed(0)} KiB, packed ${(packed / 1024).toFixed(0)}`);
  if (packed > PACKED_BYTES_MAX) throw new Error(`The page is too large: ${packed} bytes packed`);
  await replaceStatic({
    [names.SCRIPT]: script,
    [names.STYLE]: style,
    [names.ICON]: icon,
    "index.html": page,
    [STAMP_NAME]: hash,
  });
}

/** All files at once, so that a server never hands out half of a page, nor one of two builds. */
async function replaceStatic(files: Record<string, string | Uint8Array>): Promise<void> {
  const made = await Deno.makeTempDir({ dir: fileURLToPath(SOURCE), prefix: "static-" });
  await Deno.chmod(made, 0o755);
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(join(made, name), bytes);
    }
    await Deno.remove(STATIC, { recursive: true }).catch(() => {});
    await Deno.rename(made, STATIC);
  } catch (error) {
    await Deno.remove(made, { recursive: true });
    // another build was quicker
    if (!isBuilt(String(files[STAMP_NAME]))) throw error;
  }
}

/** Builds the page unless it is there; `force` builds it anyway. */
export async function buildWeb(options: { force?: boolean } = {}): Promise<void> {
  const hash = sourcesHash();
  if (options.force !== true && isBuilt(hash)) return;
  await build(hash);
}

if (import.meta.main) await buildWeb({ force: Deno.args.includes("--force") });
