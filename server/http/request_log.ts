/**
 * Requests by an id of each, so that an answer, a line of the log and what a proxy in front has written
 * can be laid side by side. The id is in the header `x-request-id` of every answer but the ordinary one
 * to a report, and in every line that is about one request. A proxy that has made one already is
 * followed: what it sent in `x-request-id` is the id, if it is of a harmless form.
 *
 * Ids are made only when somebody wants to see them: reports come by the ten thousand a second.
 */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";

export const REQUEST_ID_HEADER = "x-request-id";
const ID = /^[A-Za-z0-9._:+/=-]{1,128}$/;

interface Facts {
  id?: string;
  /** Whose token it was asked with. */
  who?: string;
}

const facts = new WeakMap<Request, Facts>();

/** Begins every id of this process, so that those of two servers, or of two starts, differ. */
const OWN = crypto.randomUUID().slice(0, 8);
let made = 0;

/** The same for the same request. */
export function requestId(request: Request): string {
  const known = facts.get(request) ?? {};
  if (known.id === undefined) {
    const given = request.headers.get(REQUEST_ID_HEADER);
    known.id = given !== null && ID.test(given) ? given : `${OWN}-${(++made).toString(36)}`;
    facts.set(request, known);
  }
  return known.id;
}

/** Notes who asks, if the request is to be told. */
export function noteAsker(request: Request, who: string): void {
  const known = facts.get(request);
  if (known !== undefined) known.who = who;
}

type Handle = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** The same handler, whose requests are told. (No async function: this is on the way of every report.) */
export function logged(handle: Handle, { log, clock, settings }: {
  log: Logger;
  clock: Pick<Clock, "monotonic">;
  /** Read with each request: it may change. */
  settings: { requests: "none" | "failed" | "all" };
}): Handle {
  return (request, info) => {
    const { requests } = settings;
    if (requests === "none") return handle(request, info);
    const begun_ms = clock.monotonic();
    facts.set(request, {});
    const tell = (response: Response) => {
      const { status } = response;
      if (requests === "failed" && status < 400) return response;
      log.info("request", {
        method: request.method,
        // without its query: what was asked for in detail may be long
        path: new URL(request.url).pathname,
        status,
        took_ms: Math.round((clock.monotonic() - begun_ms) * 10) / 10,
        client: "hostname" in info.remoteAddr ? info.remoteAddr.hostname : undefined,
        who: facts.get(request)?.who,
        request_id: requestId(request),
      });
      return response;
    };
    const response = handle(request, info);
    return response instanceof Promise ? response.then(tell) : tell(response);
  };
}
