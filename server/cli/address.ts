/** Which server a command talks to. */
import { UsageError } from "./failure.ts";
import { safeText } from "./text.ts";

export const SERVER_URL_DEFAULT = "http://localhost:8888";
export const SERVER_DESCRIPTION = `the server to ask (MONITOR_SERVER, else ${SERVER_URL_DEFAULT})`;

/** The server that is meant when no option names one. */
export function defaultServer(env: Readonly<Record<string, string | undefined>>): string {
  return env.MONITOR_SERVER || SERVER_URL_DEFAULT;
}

/**
 * The token that commands show: in MONITOR_TOKEN, or in the file that MONITOR_TOKEN_FILE names. Never
 * an option: the command lines of a machine can be read by everybody on it. Throws UsageError when
 * the file cannot be read.
 */
export function defaultToken(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { MONITOR_TOKEN: token, MONITOR_TOKEN_FILE: file } = env;
  if (token) return token.trim();
  if (!file) return undefined;
  try {
    return Deno.readTextFileSync(file).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `MONITOR_TOKEN_FILE must be a file that can be read: current value is "${safeText(file)}": ${
        safeText(why)
      }`,
    );
  }
}

/** What goes into the header of a request. */
export function tokenHeader(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** The base of all calls, without a slash at the end. Throws UsageError when it cannot be one. */
export function serverUrl(text: string): string {
  const given = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.search !== "") {
    throw new UsageError(
      `the server must be a URL such as ${SERVER_URL_DEFAULT}: current value is "${
        safeText(text)
      }"`,
    );
  }
  return url.href.replace(/\/+$/, "");
}
