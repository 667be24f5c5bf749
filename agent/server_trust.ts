/**
 * Whom the agent believes that it is the server, over https. Without a setting: whoever has a
 * certificate of an authority this system trusts. `server_ca_file`: also the authorities (or the
 * certificate itself) in that file. `server_fingerprint`: exactly this certificate, whoever signed it
 * and whatever names are in it, and no other; nothing is sent before that is known.
 */
import type { ClientRequest } from "node:http";
import { AgentConfigError } from "./config.ts";

/** Like `fetch`. */
export type Ask = (url: string, init: RequestInit) => Promise<Response>;

export interface TrustSettings {
  server_ca_file?: string;
  server_fingerprint?: string;
}

/** How to ask the server. Throws AgentConfigError when the file cannot be used. */
export async function askerFor(settings: TrustSettings): Promise<Ask> {
  const { server_ca_file, server_fingerprint } = settings;
  if (server_fingerprint !== undefined) return await pinned(server_fingerprint);
  if (server_ca_file === undefined) return fetch;
  let pem: string;
  try {
    pem = await Deno.readTextFile(server_ca_file);
  } catch {
    throw new AgentConfigError([
      `server_ca_file must be a file that can be read: current value is "${server_ca_file}"`,
    ]);
  }
  const caCerts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (caCerts.length === 0) {
    throw new AgentConfigError([
      `server_ca_file must have certificates in PEM form: current value is "${server_ca_file}"`,
    ]);
  }
  const client = Deno.createHttpClient({ caCerts });
  return (url, init) => fetch(url, { ...init, client });
}

async function pinned(fingerprint: string): Promise<Ask> {
  const { Agent, request } = await import("node:https");
  const { TLSSocket } = await import("node:tls");
  const { createHash } = await import("node:crypto");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Undefined when it is the right one. */
  function faultOf(socket: unknown): Error | undefined {
    const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined;
    const shown = certificate === undefined
      ? "none"
      : `sha256:${createHash("sha256").update(certificate).digest("hex")}`;
    if (shown === fingerprint) return undefined;
    return new Error(
      `the server's certificate is not the one of server_fingerprint: it has ${shown}, ` +
        `the setting says ${fingerprint}`,
    );
  }

  return (url, init) => {
    if (!url.startsWith("https:")) {
      return Promise.reject(new Error("server_fingerprint needs a server whose URL is https://…"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const headers = Object.fromEntries(new Headers(init.headers));
    const body = typeof init.body === "string" || init.body instanceof Uint8Array
      ? init.body
      : undefined;
    const sending: ClientRequest = request(url, {
      method: init.method ?? "GET",
      headers,
      agent,
      // whoever signed it: the fingerprint says whether it is the one
      rejectUnauthorized: false,
    });
    const length = typeof body === "string" ? new TextEncoder().encode(body).length : body?.length;
    sending.setHeader("content-length", length ?? 0);
    init.signal?.addEventListener("abort", () => sending.destroy(new Error("aborted")), {
      once: true,
    });
    sending.once("error", reject);
    sending.once("response", (answer) => {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      answer.on("data", (chunk: Uint8Array<ArrayBuffer>) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("end", () => {
        const told = new Headers();
        for (const [name, value] of Object.entries(answer.headers)) {
          if (value !== undefined) told.set(name, String(value));
        }
        const status = answer.statusCode ?? 502;
        const empty = status === 204 || status === 304;
        resolve(new Response(empty ? null : new Blob(chunks), { status, headers: told }));
      });
    });
    sending.once("socket", (socket) => {
      const go = () => {
        const fault = faultOf(socket);
        if (fault === undefined) sending.end(body);
        else sending.destroy(fault);
      };
      // a socket that was kept has shown its certificate before, and is looked at again
      if (socket.connecting || !(socket instanceof TLSSocket) || !socket.getPeerCertificate().raw) {
        socket.once("secureConnect", go);
      } else go();
    });
    return promise;
  };
}
