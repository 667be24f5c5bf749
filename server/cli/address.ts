/** Which server a command talks to. */
import { UsageError } from "./failure.ts";
import { safeText } from "./text.ts";

export const SERVER_URL_DEFAULT = "http://localhost:8888";
export const SERVER_DESCRIPTION = `the server to ask (MONITOR_SERVER, else ${SERVER_URL_DEFAULT})`;

/** The server that is meant when no option names one. */
export function defaultServer(env: Readonly<Record<string, string | undefined>>): string {
  return env.MONITOR_SERVER || SERVER_URL_DEFAULT;
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
