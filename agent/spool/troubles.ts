/** What a spool tells about its troubles: each once, and when it is over. */
import type { Logger } from "../../log.ts";
import { reasonOf } from "./error.ts";
import type { DropReason } from "./state.ts";

export class SpoolTroubles {
  readonly #log: Logger;
  readonly #dir: string | undefined;
  #unwritable = "";
  #unreadable = "";
  #dropping = false;

  constructor(log: Logger, dir: string | undefined) {
    this.#log = log;
    this.#dir = dir;
  }

  /** The last attempt to write failed. */
  get unwritable(): boolean {
    return this.#unwritable !== "";
  }

  cannotWrite(error: unknown): void {
    const reason = reasonOf(error);
    const write = reason === this.#unwritable ? this.#log.debug : this.#log.warn;
    write("Cannot write to the spool; reports wait in memory", { dir: this.#dir, reason });
    this.#unwritable = reason;
  }

  canWrite(): void {
    if (this.unwritable) this.#log.info("Spool can be written again", { dir: this.#dir });
    this.#unwritable = "";
  }

  cannotRead(error: unknown): void {
    const reason = reasonOf(error);
    const write = reason === this.#unreadable ? this.#log.debug : this.#log.warn;
    write("Cannot read the spool; what is there is tried again", { dir: this.#dir, reason });
    this.#unreadable = reason;
  }

  /** A day without a server must not fill the log: the counters tell how many. */
  dropped(reports: number, reason: DropReason): void {
    const write = this.#dropping ? this.#log.debug : this.#log.warn;
    write("Reports are dropped before they were sent", { dir: this.#dir, reason, reports });
    this.#dropping = true;
  }

  nothingWaits(): void {
    this.#dropping = false;
  }
}
