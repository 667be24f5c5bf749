/** The other side of strip.ts where Deno has no type stripper of its own. Trusted code. */
// deno-lint-ignore no-import-prefix -- loaded by this Worker alone, never with the program
import { transformSync } from "npm:amaro@1.2.1";
import { compilerText, type Stripped, type StripRequest } from "./strip.ts";

// The program is checked as a window, this file runs as a Worker: the two calls it needs.
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<StripRequest>) => void;
  postMessage(message: Stripped): void;
};

scope.onmessage = ({ data }) => {
  try {
    scope.postMessage({ text: transformSync(data.text, { mode: "strip-only" }).code });
  } catch (error) {
    scope.postMessage({ fault: compilerText(error) });
  }
};
