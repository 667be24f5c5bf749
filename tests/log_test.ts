import assert from "node:assert/strict";
import { createLogger, type LogFormat, type LogLevel } from "../log.ts";

function logger() {
  const lines: string[] = [];
  const settings: { level: LogLevel; format: LogFormat } = { level: "info", format: "text" };
  const log = createLogger({
    get level() {
      return settings.level;
    },
    get format() {
      return settings.format;
    },
    now: () => 0,
    write: (line) => lines.push(line),
  });
  return { lines, settings, log };
}

Deno.test("the log takes another level and another form while it is in use", () => {
  const { lines, settings, log } = logger();
  const own = log.with({ component: "http" });
  own.debug("unseen");
  own.info("seen", { status: 200, missing: undefined });
  Object.assign(settings, { level: "debug", format: "json" });
  own.debug("seen", { status: 200 });
  assert.deepEqual(lines, [
    "1970-01-01T00:00:00.000Z info  http: seen status=200\n",
    '{"at":"1970-01-01T00:00:00.000Z","level":"debug","msg":"seen","component":"http","status":200}\n',
  ]);
});

Deno.test("values in the log's text steer no terminal and are told apart", () => {
  const { lines, log } = logger();
  log.info("x", {
    a: "plain",
    b: "two words",
    c: '"',
    d: "\u001b[31m",
    e: "\u009b\u202e",
    f: "a\nb",
  });
  const [line = ""] = lines;
  assert.match(
    line,
    / a=plain b="two words" c="\\"" d="\\u001b\[31m" e="\\u\{9b\}\\u\{202e\}" f="a\\nb"\n$/,
  );
});
