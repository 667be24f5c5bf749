/** Silences: incidents with certain labels that somebody does not want to hear of until a time. */
import type { Sql } from "../../db/connect.ts";
import {
  endSilence,
  insertSilence,
  selectSilences,
  type Silence,
  type SilenceInput,
} from "../../db/silences.ts";

/** There is no such silence, or it is over. */
export class SilenceNotFoundError extends Error {
  override name = "NotFoundError";
}

/** It would never be in force. */
export class SilenceRefusedError extends Error {
  override name = "RefusedError";
}

export interface SilencesOptions {
  sql: Sql;
  now: () => number;
  /** Whoever tells has to look again. */
  onChange: () => void;
}

export class Silences {
  readonly #options: SilencesOptions;

  constructor(options: SilencesOptions) {
    this.#options = options;
  }

  /** Those that are not over. */
  list(): Promise<Silence[]> {
    return selectSilences(this.#options.sql, this.#options.now());
  }

  /** Throws SilenceRefusedError. */
  async add(input: SilenceInput): Promise<Silence> {
    const { sql, now, onChange } = this.#options;
    if (input.end_ms <= Math.max(now(), input.start_ms)) {
      throw new SilenceRefusedError(
        "Cannot make the silence: its end must be in the future and after its start: " +
          `current value is ${new Date(input.end_ms).toISOString()}`,
      );
    }
    const id = await insertSilence(sql, input, now());
    onChange();
    return { ...input, id };
  }

  /** Throws SilenceNotFoundError. */
  async end(id: number): Promise<void> {
    const { sql, now, onChange } = this.#options;
    if (!await endSilence(sql, id, now())) {
      throw new SilenceNotFoundError(`Cannot find a silence ${id} that is not over`);
    }
    onChange();
  }
}
