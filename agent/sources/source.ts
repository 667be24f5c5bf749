/** What collectors that are no scripts get from the agent. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import { PythonPool } from "./python.ts";
import { Slots } from "./slots.ts";

export interface SourceContext {
  clock: Clock;
  log: Logger;
  /** Shared by all that start programs. */
  slots: Slots;
  python: PythonPool;
}

/** Made once for an agent, however often its collectors change. */
export function sourceContext(
  config: { commands_at_once: number },
  options: { clock: Clock; log: Logger },
): SourceContext {
  return { ...options, slots: new Slots(config.commands_at_once), python: new PythonPool(options) };
}
