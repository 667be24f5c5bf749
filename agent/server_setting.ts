/** The setting `server`: a URL, or several. */
import { z } from "zod";

/** Of one database. */
export const SERVERS_MAX = 16;

/** Everything but http(s) URLs is refused; a trailing slash or a path in front of /metrics is fine. */
export const serverUrl = z.string().transform((input, context) => {
  const url = URL.parse(input);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
  context.addIssue({
    code: "custom",
    message: 'must be a URL such as "http://monitor.example:8888"',
  });
  return z.NEVER;
});

/** A list, or what is between commas. */
export function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? value.split(",").map((part) => part.trim()) : [value];
}
