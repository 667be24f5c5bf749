/** A log that tests can read, and wait on for a line to appear. */
import { createLogger, type LogFields, type Logger, type LogLevel } from "../../log.ts";

export interface LogEvent extends LogFields {
  level: LogLevel;
  msg: string;
}

export class EventLog {
  readonly events: LogEvent[] = [];
  readonly log: Logger;
  #waiting: { wanted: (event: LogEvent) => boolean; resolve: (event: LogEvent) => void }[] = [];

  constructor() {
    this.log = createLogger({
      level: "debug",
      format: "json",
      now: () => 0,
      write: (line) => this.#add(JSON.parse(line)),
    });
  }

  /** Resolves with the first event, past or future, whose message is this. */
  async until(msg: string, more: (event: LogEvent) => boolean = () => true): Promise<LogEvent> {
    const wanted = (event: LogEvent) => event.msg === msg && more(event);
    const { promise, resolve } = Promise.withResolvers<LogEvent>();
    this.#waiting.push({ wanted, resolve });
    const known = this.events.find(wanted);
    if (known !== undefined) resolve(known);
    return await promise;
  }

  /** Messages of this level and worse. */
  messages(level: "info" | "warn"): string[] {
    const levels = level === "warn" ? ["warn", "error"] : ["info", "warn", "error"];
    return this.events.filter((event) => levels.includes(event.level)).map(({ msg }) => msg);
  }

  #add(event: LogEvent): void {
    this.events.push(event);
    for (const { wanted, resolve } of this.#waiting) if (wanted(event)) resolve(event);
  }
}
