/** What every answer says to browsers, so that none can be led to do something with it. */
import { REQUEST_ID_HEADER, requestId } from "./request_log.ts";

type Handle = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** Browsers that have seen this take nothing but TLS from this name for a year. */
const HSTS = "max-age=31536000";

/**
 * The same handler, whose answers have these headers where they have no others of their own. Answers to
 * reports come by the ten thousand a second and say it themselves (metrics.ts).
 */
export function withHeaders(handle: Handle, { is_tls }: { is_tls: boolean }): Handle {
  const add = (response: Response, request: Request) => {
    const { headers } = response;
    headers.set("x-content-type-options", "nosniff");
    headers.set("referrer-policy", "no-referrer");
    headers.set("x-frame-options", "DENY");
    headers.set(REQUEST_ID_HEADER, requestId(request));
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    if (is_tls) headers.set("strict-transport-security", HSTS);
    return response;
  };
  return (request, info) => {
    const response = handle(request, info);
    if (request.method === "POST" && request.url.endsWith("/metrics")) return response;
    return response instanceof Promise
      ? response.then((answer) => add(answer, request))
      : add(response, request);
  };
}
