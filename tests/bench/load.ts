/**
 * Load for the benchmarks: reports of 100 metrics of 1,000 hosts over HTTP, from Debian's `wrk` with a
 * Lua body; a generator in JavaScript would take the second core for itself. Each report has its own
 * time, so none is a duplicate.
 */
import { join } from "node:path";
import { systemClock } from "../../clock.ts";

export const METRICS = 100;
export const HOSTS = 1_000;
/** About what an answer takes at a moderate rate; only to come near the rate asked for. */
const ANSWER_MS = 8;

/** Throws when there is no `wrk`. */
export async function requireWrk(): Promise<void> {
  try {
    await new Deno.Command("wrk", { args: ["-v"] }).output();
  } catch {
    throw new Error("Cannot run the bench: it needs wrk; apt-get install wrk");
  }
}

/** Three in four values have two decimals, one is a whole number: as metrics look. */
function luaScript(
  options: { batch: number; delay_ms: number; run: number; start_s: number },
): string {
  const { batch, delay_ms, run, start_s } = options;
  return `
local metrics = {}
for i = 1, ${METRICS} do
  local value = i % 4 == 0 and tostring(i * 997) or string.format("%.2f", (i * 7919 % 10000) / 100)
  metrics[i] = string.format('"metric_name_%03d":%s', i, value)
end
local tail = ',"metrics":{' .. table.concat(metrics, ",") .. '}}'
local names = {}
for i = 0, ${HOSTS} - 1 do names[i] = string.format('{"hostname":"host-%04d","timestamp":', i) end
local count = 0
local at = ""
local function report()
  -- one time a round over all hosts: times are ${HOSTS} reports apart and never repeat
  local host = count % ${HOSTS}
  if host == 0 then
    at = string.format("%.3f", ${start_s} + ${run} * 0.001 + math.floor(count / ${HOSTS}))
  end
  count = count + 1
  return names[host] .. at .. tail
end
wrk.method = "POST"
wrk.path = "/metrics"
${delay_ms > 0 ? `function delay() return ${delay_ms} end` : ""}
local head
function request()
  ${
    batch === 1
      ? `-- all bodies have one length: the head is made once
  local body = report()
  if head == nil then
    head = wrk.format(nil, nil, nil, body)
    head = string.sub(head, 1, #head - #body)
  end
  return head .. body`
      : `local all = {}
  for i = 1, ${batch} do all[i] = report() end
  return wrk.format(nil, nil, nil, "[" .. table.concat(all, ",") .. "]")`
  }
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.timeout
    + summary.errors.connect + summary.errors.read + summary.errors.write))
end`;
}

export interface Load {
  requests_per_s: number;
  p50_ms: number;
  p99_ms: number;
  errors: number;
}

export interface LoadOptions {
  url: string;
  dir: string;
  batch: number;
  connections: number;
  seconds: number;
  /** Requests a second to aim at; 0 is as many as go. */
  rate: number;
  /** Distinguishes the times of one load from those of another. */
  run: number;
}

/** Runs `wrk` for some seconds. */
export async function load(options: LoadOptions): Promise<Load> {
  const { url, dir, batch, connections, seconds, rate, run } = options;
  const script = join(dir, `load-${run}.lua`);
  // each connection waits between an answer and the next request
  const delay_ms = rate > 0 ? Math.max(1, Math.round(connections / rate * 1000 - ANSWER_MS)) : 0;
  const start_s = Math.floor(systemClock.now() / 1000) - 2_400;
  await Deno.writeTextFile(script, luaScript({ batch, delay_ms, run, start_s }));
  const output = await new Deno.Command("wrk", {
    args: ["-t1", `-c${connections}`, `-d${seconds}`, "-s", script, url],
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(text);
  if (found === null) throw new Error(`wrk gave no result:\n${text}`);
  const [requests = 0, duration_us = 1, p50_us = 0, p99_us = 0, errors = 0] = found.slice(1).map(
    Number,
  );
  return {
    requests_per_s: requests / duration_us * 1e6,
    p50_ms: p50_us / 1000,
    p99_ms: p99_us / 1000,
    errors,
  };
}
