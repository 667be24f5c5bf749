/** `POST /metrics`: reports come in. */
import type { Context } from "hono";
import type { Clock } from "../../clock.ts";
import type { IngestReply, Refusal } from "../../report.ts";
import { discardBody, isSmallBody, readSmallBody, type Room, withBody } from "./body.ts";
import { clientAddress, principalOf } from "./principal.ts";
import type { ClientRates } from "./rate.ts";
import { ingestReplySchema, reportsSchema } from "../wire/report.ts";
import type { Routes } from "./routes.ts";
import { requireSigned } from "./signature.ts";
import { Turns } from "./turns.ts";

/** What this route needs of the ingest step. */
export interface MetricsRoute {
  receive(
    body: Uint8Array,
    options?: { owned?: boolean; only_host?: string },
  ): Promise<IngestReply>;
  room: Room;
  body_bytes_max: number;
  /** Would a report that comes now wait too long? Asked once for each request. */
  isBusy(): boolean;
  /** How much each client may send. */
  rates: ClientRates;
  clock: Clock;
}

/** By far the most frequent answer, made once. */
const ONE_STORED = JSON.stringify({ status: "received", stored: 1, duplicate: 0 });
const JSON_HEADERS = { "content-type": "application/json", "x-content-type-options": "nosniff" };
/** The most frequent answer when more comes than can be stored. */
const BUSY = JSON.stringify({
  error: "Cannot take reports just now: more come than can be stored; send them again later",
});
const BUSY_HEADERS = { ...JSON_HEADERS, "retry-after": "1" };

export function metricsRoute(routes: Routes, route: MetricsRoute): void {
  const { room, clock } = route;
  const turns = new Turns(() => clock.monotonic());
  const options = { bytes_max: route.body_bytes_max, room, clock, turns };
  routes.post(
    "/metrics",
    {
      access: "agent",
      summary: "Takes a report, or a list of them",
      body: reportsSchema,
      answer: ingestReplySchema,
      statuses: [200, 207],
      errors: [408, 413],
      example: { body: { hostname: "web-1", metrics: { orders: 12 } } },
    },
    async (c: Context) => {
      if (route.isBusy()) {
        await discardBody(c.req.raw);
        return new Response(BUSY, { status: 503, headers: BUSY_HEADERS });
      }
      const client = route.rates.isOff ? undefined : await admitted(c, route.rates);
      const only_host = c.get("principal")?.hostname;
      const check = (raw: Uint8Array) => requireSigned(c, raw);
      const reply = isSmallBody(c.req.raw)
        ? await route.receive(await readSmallBody(c.req.raw, check), { owned: true, only_host })
        : await withBody(
          c.req.raw,
          { ...options, check },
          (body) => route.receive(body, { owned: true, only_host }),
        );
      if (client !== undefined) route.rates.reports(client, reply.stored + reply.duplicate);
      if (reply.stored === 1 && reply.duplicate === 0 && reply.refused === undefined) {
        return new Response(ONE_STORED, { headers: JSON_HEADERS });
      }
      // some stored, some refused: the sender must look at `refused`, and must not send again
      if (reply.refused !== undefined) return c.json(listed(reply, reply.refused), 207);
      return c.json(reply);
    },
  );
}

/** Who sends: a token, or an address. @throws TooFastError when it has sent too much */
async function admitted(c: Context, rates: ClientRates): Promise<string> {
  const { token_id, label } = principalOf(c);
  const client = token_id === undefined ? `client ${clientAddress(c)}` : `token ${label}`;
  try {
    rates.request(client);
  } catch (error) {
    await discardBody(c.req.raw);
    throw error;
  }
  return client;
}

/** Refusals listed in one answer; all of them are counted in `refused_count`. */
const REFUSALS_LISTED_MAX = 100;

function listed(reply: IngestReply, refused: readonly Refusal[]) {
  return {
    ...reply,
    refused: refused.slice(0, REFUSALS_LISTED_MAX),
    refused_count: refused.length,
  };
}
