/**
 * Settings read anew while the server runs: everything is looked at first, then all of it is taken or
 * nothing.
 */
import { isRetryable } from "../db/sqlstate.ts";
import type { Logger } from "../log.ts";
import { loadRulesFile } from "./alerts/rules_file.ts";
import type { ApplyRules } from "./alerts/start.ts";
import type { Config } from "./config.ts";
import { adopt } from "./config/live.ts";
import type { Notify } from "./start_notify.ts";

/** @throws PlacedError when the rules file cannot be used, or what the database says to the rules */
export async function reloadSettings(
  next: Config,
  { config, log, notify, applyRules }: {
    /** In use; changed in place. */
    config: Config;
    log: Logger;
    notify: Pick<Notify, "reload">;
    applyRules: ApplyRules;
  },
): Promise<void> {
  const { rules_file } = next.alerts;
  // the file may say something else although the settings do not
  const rules = rules_file === undefined ? undefined : await loadRulesFile(rules_file);
  if (rules !== undefined) await applyRules(rules, rules_file);
  const { changed, waiting } = adopt(config, next);
  if (changed.some((path) => /^(channels|routes|notify)\b/.test(path))) notify.reload();
  log.info("settings were read anew", { changed: changed.join(" ") || "nothing" });
  if (waiting.length > 0) {
    log.warn("these settings have changed and wait for a restart", { settings: waiting.join(" ") });
  }
}

/**
 * Reloads one after the other: who asks while one is under way gets one more after it, as what was
 * read may have changed since. What goes wrong is told in the log, line by line as at a start, and
 * everything stays as it was.
 */
export class Reloader {
  readonly #options: { read: () => Config; take: (next: Config) => Promise<void>; log: Logger };
  #running: Promise<void> | undefined;
  #again = false;

  /** @param options How settings are read (throws ConfigError), and who takes them. */
  constructor(
    options: { read: () => Config; take: (next: Config) => Promise<void>; log: Logger },
  ) {
    this.#options = options;
  }

  /** Begins to; resolves when nothing is left to do. Never rejects. */
  reload(): Promise<void> {
    this.#again = true;
    return this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  async #run(): Promise<void> {
    const { read, take, log } = this.#options;
    while (this.#again) {
      this.#again = false;
      try {
        await take(read());
      } catch (error) {
        const is_known = isRetryable(error) || (error instanceof Error && "exit_code" in error);
        const faults = error instanceof Error ? error.message.split("\n") : [String(error)];
        for (const fault of faults) log.error("settings stay as they were", { fault });
        if (!is_known && error instanceof Error) {
          log.error("reading settings anew failed", { stack: error.stack });
        }
      }
    }
  }
}
