/**
 * As much of curl as the pages use, for machines without it: `-s -f -N -g -G`, `-X METHOD`,
 * `-H 'Name: value'`, `-d DATA` (or `--data-binary @file`), and a URL.
 */

const VALUED = new Set(["-X", "-H", "-d", "--data", "--data-binary", "--data-urlencode", "-o"]);
const PLAIN = /^-[sSfNgGL]+$|^--compressed$/;

interface Request {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | undefined;
}

/** Throws Error at an option it does not know: then the page's command was not tried. */
export async function readArguments(args: readonly string[]): Promise<Request> {
  const request: Request = { url: "", method: "", headers: {}, body: undefined };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (PLAIN.test(arg)) continue;
    if (!arg.startsWith("-")) {
      request.url = arg;
      continue;
    }
    if (!VALUED.has(arg) || arg === "-o") throw new Error(`curl_stand_in.ts does not know ${arg}`);
    const value = args[++at] ?? "";
    const [, name = "", content = ""] = /^([^:]+): *(.*)$/.exec(value) ?? [];
    if (arg === "-X") request.method = value;
    else if (arg === "-H") request.headers[name] = content;
    else request.body = value.startsWith("@") ? await Deno.readFile(value.slice(1)) : value;
  }
  request.method ||= request.body === undefined ? "GET" : "POST";
  return request;
}

if (import.meta.main) {
  const { url, ...init } = await readArguments(Deno.args);
  const response = await fetch(url, init);
  await Deno.stdout.write(new Uint8Array(await response.arrayBuffer()));
}
