/**
 * Asks the server of this machine, at the address of its settings: what `monitor doctor` and
 * `monitor health` do. Whoever made its certificate, it is taken: whether others trust it is asked by
 * the agent's own checks.
 */
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import type { Config } from "../config.ts";

export interface LocalAnswer {
  status: number;
  text: string;
}

/** Where programs on the same machine find the server. */
export function localUrl({ webapp, tls }: Pick<Config, "webapp" | "tls">): string {
  const { host, port } = webapp;
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const scheme = tls.certificate_file === undefined ? "http" : "https";
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** @throws what the system says, when nobody answers within `ms_max` */
export function askLocal(
  config: Pick<Config, "webapp" | "tls">,
  path: string,
  ms_max: number,
): Promise<LocalAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<LocalAnswer>();
  const url = localUrl(config) + path;
  const headers = { accept: "text/plain, application/json" };
  const get = url.startsWith("https:") ? httpsGet : httpGet;
  const signal = AbortSignal.timeout(ms_max);
  const request = get(url, { headers, signal, rejectUnauthorized: false }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part) => text += part);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    response.on("error", reject);
  });
  request.on("error", (error) => reject(signal.aborted ? signal.reason : error));
  // a connection that ends without a word
  request.on("close", () => reject(new Error("the connection was closed without an answer")));
  return promise;
}
