/** What the server answers, as the page needs it, and how it is asked. */

export interface HostGlance {
  hostname: string;
  alias: string | null;
  location: string | null;
  tags: Record<string, string>;
  last_s: number | null;
  every_s: number | null;
  cpu?: number;
  memory?: number;
  disk?: number;
  received_per_s?: number;
  sent_per_s?: number;
}

export interface SeriesData {
  host?: string;
  hosts?: number;
  metric: string;
  unit: string | null;
  kind: "gauge" | "counter" | "state";
  t: number[];
  avg?: number[];
  sum?: number[];
  count?: number[];
  min?: number[];
  max?: number[];
  /** Percentiles over hosts. */
  p50?: number[];
  p90?: number[];
  p95?: number[];
  p99?: number[];
  last?: number[];
  rate?: (number | null)[];
}

export interface SeriesAnswer {
  from: number;
  to: number;
  tier: string;
  step_s: number;
  series: SeriesData[];
}

/** What went wrong, in the server's words. `status` is 0 when it did not answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

let unauthorized = () => {};

/** Calls this whenever the server wants to know who is asking. */
export function onUnauthorized(call: () => void): void {
  unauthorized = call;
}

/** What only a page of this server can send: what a browser's session changes has to have it. */
const PAGE_HEADERS = { "x-monitor-page": "1" };

/** A path with parameters; those that are undefined are left out, lists are given several times. */
export function pathWith(
  path: string,
  parameters: Record<string, string | number | readonly string[] | undefined>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Throws ApiError; what an aborted request throws is the signal's reason. */
export async function request<T>(
  path: string,
  options: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const { method, body, signal } = options;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        ...PAGE_HEADERS,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("The server does not answer.", 0);
  }
  const text = await response.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new ApiError(`The server answered ${response.status}.`, response.status);
  }
  if (!response.ok) {
    if (response.status === 401) unauthorized();
    const fault = typeof answer === "object" && answer !== null && "error" in answer
      ? String(answer.error)
      : `The server answered ${response.status}.`;
    throw new ApiError(fault, response.status);
  }
  // the server's answers are what the interfaces above say; its own tests hold it to that
  return answer as T;
}
