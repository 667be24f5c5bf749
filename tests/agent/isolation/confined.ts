/**
 * For confine_test.ts: builds the walls of the order that is its argument, and becomes confined_probe.ts
 * with all of Deno's permissions. What fails there, the kernel has refused.
 */
import { fileURLToPath } from "node:url";
import { confine } from "../../../agent/isolation/confine.ts";

const [order = "", attempts = ""] = Deno.args;
const probe = fileURLToPath(new URL("./confined_probe.ts", import.meta.url));
confine(JSON.parse(order), (walls) => ({
  path: Deno.execPath(),
  args: [
    ...[
      "run",
      "--quiet",
      "--allow-all",
      "--no-config",
      "--no-lock",
      "--no-npm",
      "--unstable-net",
      probe,
    ],
    ...[JSON.stringify(walls), attempts],
  ],
  files: [],
}));
