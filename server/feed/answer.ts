/** What the server's answer to `POST /metrics` means for the batch that was sent. Pure. */
import { z } from "zod";

/** Reports of a batch, by what became of them: all of them are in one of the three. */
export interface Settled {
  kind: "settled";
  stored: number;
  duplicate: number;
  refused: number;
  /** Why, for those the server lists: a report's position in the batch, and a sentence. */
  reasons: { index: number; reason: string }[];
}

export type Verdict =
  | Settled
  /** The body is too large: its halves may do. */
  | { kind: "split"; reason: string }
  /** Nothing was stored, and it may go better later. */
  | { kind: "retry"; reason: string; wait_ms: number | undefined }
  /** No report will ever be taken this way. */
  | { kind: "fatal"; reason: string; hint: string };

export interface Answer {
  status: number;
  retry_after: string | null;
  body: string;
}

const count = z.number().int().min(0);
const refusalsSchema = z.array(
  z.looseObject({ index: count, path: z.string(), message: z.string() }),
);
const receivedSchema = z.looseObject({
  status: z.literal("received"),
  stored: count,
  duplicate: count,
  refused: refusalsSchema.optional(),
});
const errorSchema = z.looseObject({ error: z.string(), refused: refusalsSchema.optional() });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonsOf(refused: z.infer<typeof refusalsSchema>): Settled["reasons"] {
  // the path begins with the report's position, which says nothing outside the batch
  return refused.map(({ index, path, message }) => ({
    index,
    reason: `${path.replace(/^\[\d+\]\.?/, "")} ${message}`.trim(),
  }));
}

function received(body: unknown, reports: number): Verdict {
  const parsed = receivedSchema.safeParse(body);
  if (!parsed.success || parsed.data.stored + parsed.data.duplicate > reports) {
    return {
      kind: "fatal",
      reason: "the answer is not that of a monitor server",
      hint: "check the address: something else may be listening there",
    };
  }
  const { stored, duplicate, refused = [] } = parsed.data;
  // the server lists some refusals and counts all
  const refused_count = reports - stored - duplicate;
  return {
    kind: "settled",
    stored,
    duplicate,
    refused: refused_count,
    reasons: reasonsOf(refused),
  };
}

/** `Retry-After` in seconds; a date is not what our server sends. */
function waitMs(header: string | null): number | undefined {
  return header !== null && /^\d{1,5}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}

/** Reads the answer to a batch of so many reports. */
export function verdictOf({ status, retry_after, body }: Answer, reports: number): Verdict {
  const json = jsonOf(body);
  if (status >= 200 && status < 300) return received(json, reports);
  const told = errorSchema.safeParse(json);
  const reason = told.success ? told.data.error : `status ${status}`;
  if (status === 413) {
    return reports > 1
      ? { kind: "split", reason }
      : { kind: "settled", stored: 0, duplicate: 0, refused: 1, reasons: [{ index: 0, reason }] };
  }
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return { kind: "retry", reason, wait_ms: waitMs(retry_after) };
  }
  if (status === 400 && told.success) {
    const listed = reasonsOf(told.data.refused ?? []);
    const reasons = listed.length > 0 ? listed : [{ index: 0, reason }];
    return { kind: "settled", stored: 0, duplicate: 0, refused: reports, reasons };
  }
  const hint = status === 401 || status === 403
    ? "ask the server's operator for access"
    : "check the address: there is no POST /metrics";
  return { kind: "fatal", reason, hint };
}
