/** The settings that say how scripts are held which are not shipped. */
import { z } from "zod";

const MIB = 1024 * 1024;

/** How a process of such scripts is held, beside the permissions of its Workers. */
export interface ProcessSettings {
  /** Whether the kernel's walls are built, where it has them. */
  landlock: boolean;
  /** It is ended when it occupies more. */
  memory_bytes_max: number;
}

/** Keys of the agent's settings. */
export const isolationShape = {
  /**
   * `auto`: Deno's permissions, and what the kernel has to offer; `permissions` leaves out the
   * kernel's rules about files and ports.
   */
  isolation: z.enum(["auto", "permissions"], { error: 'must be "auto" or "permissions"' })
    .default("auto"),
  /** How much memory a process of such scripts may occupy; it begins with some 50 MiB. */
  script_memory_bytes: z.int().min(96 * MIB).max(64 * 1024 * MIB).default(256 * MIB),
};

const schema = z.object(isolationShape);

/** How scripts are held with these settings. */
export function isolationOf(settings: z.output<typeof schema>): ProcessSettings {
  return {
    landlock: settings.isolation === "auto",
    memory_bytes_max: settings.script_memory_bytes,
  };
}

/** … and when nothing is said. */
export const DEFAULT_ISOLATION: ProcessSettings = isolationOf(schema.parse({}));
