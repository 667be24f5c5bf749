/**
 * The terminal of a reader of the pages: an empty directory, a home of its own, and a PATH where
 * `deno task monitor`, `deno task start` and `monitor` are this source. Everything else of a command
 * line (quotes, pipes, files) is left to the shell, as on the page.
 */
import { type Ran, type RunningMonitor, watchMonitor } from "./run_monitor.ts";
import { resolve } from "node:path";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** What the pages write for a server on this machine, and for another one. */
const SERVER_URLS = /http:\/\/(localhost:8888|localhost:9000|server\.example:8888)/g;

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const STAND_IN = new URL("curl_stand_in.ts", import.meta.url).pathname;

/** No command of a page takes longer. */
const RUN_MS_MAX = 60_000;

export type StartedCommand = RunningMonitor & { stop(): Promise<number | null> };

export interface DocShell extends AsyncDisposable {
  readonly dir: TempDir;
  /** Of the server that the commands talk to; set it when there is one. */
  url: string;
  run(command: string): Promise<Ran>;
  /** Starts a command that goes on; `stop()` ends it with SIGTERM, and resolves to its exit code. */
  start(command: string): StartedCommand;
  has(program: string): Promise<boolean>;
}

function script(lines: string[]): string {
  return ["#!/bin/sh", ...lines, ""].join("\n");
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

async function makePrograms(dir: TempDir, with_curl: boolean): Promise<void> {
  const deno = quoted(Deno.execPath());
  const source = `${deno} run -A --no-check --config ${quoted(CONFIG)} ${quoted(MAIN)}`;
  // the executable of `deno task test:binary`, where there is one
  const binary = Deno.env.get("MONITOR_TEST_BINARY");
  const monitor = `exec ${binary === undefined ? source : quoted(resolve(binary))}`;
  // the shell that read the line waits for its command; a signal has to reach the command itself
  const note = 'if [ -n "$PID_FILE" ]; then echo $$ > "$PID_FILE"; fi';
  const programs: Record<string, string[]> = {
    monitor: [note, `${monitor} "$@"`],
    deno: [
      note,
      'case "$1 $2" in',
      `"task monitor") shift 2; ${monitor} "$@";;`,
      `"task start") shift 2; ${monitor} up "$@";;`,
      "esac",
      'echo "not for a test: deno $*" >&2; exit 97',
    ],
    ...(with_curl ? {} : { curl: [`exec ${deno} run -A --no-check ${quoted(STAND_IN)} "$@"`] }),
  };
  await Deno.mkdir(dir.join("bin"));
  for (const [name, lines] of Object.entries(programs)) {
    await Deno.writeTextFile(dir.join("bin", name), script(lines), { mode: 0o755 });
  }
}

async function has(program: string): Promise<boolean> {
  const args = ["-c", `command -v ${program}`];
  const command = new Deno.Command("sh", { args, stdout: "null", stderr: "null" });
  return (await command.output()).success;
}

class Shell implements DocShell {
  url = "";
  readonly has = has;
  readonly dir: TempDir;
  readonly #deno_dir: string;

  constructor(dir: TempDir, deno_dir: string) {
    this.dir = dir;
    this.#deno_dir = deno_dir;
  }

  #command(text: string, env: Record<string, string> = {}, signal?: AbortSignal): Deno.Command {
    const { dir } = this;
    // every port of a page may be taken here
    const line = text.replaceAll(SERVER_URLS, this.url).replaceAll(/ --port \d+/g, " --port 0")
      // a week of a hundred hosts is for servers; what is said last counts
      .replace(/\bmonitor simulate\b.*/, "$& --hosts 2 --days 0.01");
    return new Deno.Command("sh", {
      args: ["-c", line],
      cwd: dir.join("work"),
      clearEnv: true,
      env: {
        PATH: `${dir.join("bin")}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
        HOME: dir.join("home"),
        // the packages that are already here, since HOME is new
        DENO_DIR: this.#deno_dir,
        MONITOR_SERVER: this.url,
        MONITOR_AGENT_SERVER: this.url,
        // the one command that finds the server by its settings
        ...(/\bmonitor health\b/.test(text) ? { MONITOR_PORT: new URL(this.url).port } : {}),
        // root's would be those of this machine
        // … an upgrade is looked at while the server is stopped
        MONITOR_DATA: /\bmonitor migrate\b/.test(text)
          ? dir.join("work", "monitor-data")
          : dir.join("home", ".local", "share", "monitor"),
        MONITOR_AGENT_DATA: dir.join("home", "agent-data"),
        NO_PROXY: "*",
        ...env,
      },
      signal,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(command: string): Promise<Ran> {
    const output = await this.#command(command, {}, AbortSignal.timeout(RUN_MS_MAX)).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, out: text(output.stdout), err: text(output.stderr) };
  }

  start(command: string): StartedCommand {
    const pid_file = this.dir.join("pid");
    const running = watchMonitor(
      this.#command(command, {
        PID_FILE: pid_file,
        MONITOR_PORT: "0",
        // the one that docs/install.md names: unpacking takes seconds, and once is enough
        MONITOR_DATA: this.dir.join("work", "monitor-data"),
        MONITOR_AGENT_DATA: this.dir.join("work", "agent-data"),
      }).spawn(),
    );
    const stop = async () => {
      Deno.kill(Number(await Deno.readTextFile(pid_file)), "SIGTERM");
      return await running.ended;
    };
    return Object.assign(running, { stop });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Where Deno keeps packages. */
async function cacheDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return info.denoDir;
}

/** `with_curl: false` takes the stand-in although there is a curl. */
export async function docShell(options: { with_curl?: boolean } = {}): Promise<DocShell> {
  const dir = await tempDir();
  await makePrograms(dir, options.with_curl ?? await has("curl"));
  for (const name of ["work", "home"]) await Deno.mkdir(dir.join(name));
  return new Shell(dir, await cacheDir());
}
