/**
 * The certificate of a TLS server, for scripts that watch when it expires. `Deno.connectTls` does not
 * show it; `node:tls` does, and also of servers whose certificate is no longer good, which is what one
 * wants to hear about.
 */
import type { Certificate } from "./monitor.d.ts";

/** Asks the server. Rejects when there is no TLS, or no answer in time. */
export async function readCertificate(
  address: { hostname: string; port: number },
  options: { now_ms: number; timeout_ms: number },
): Promise<Certificate> {
  const { hostname, port } = address;
  // loaded when the first script asks: agents without such checks do without
  const { connect } = await import("node:tls");
  const { isIP } = await import("node:net");
  const { promise, resolve, reject } = Promise.withResolvers<Certificate>();
  const socket = connect({
    host: hostname,
    port,
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    // expired ones are to be looked at, and nothing is sent
    rejectUnauthorized: false,
    timeout: options.timeout_ms,
  });
  socket.once("secureConnect", () => {
    const { valid_to, subject, issuer } = socket.getPeerCertificate();
    resolve({
      seconds_left: Math.floor((Date.parse(valid_to) - options.now_ms) / 1000),
      subject: nameOf(subject),
      issuer: nameOf(issuer),
    });
  });
  socket.once("timeout", () => reject(new Error(`no answer within ${options.timeout_ms} ms`)));
  socket.once("error", reject);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function nameOf(name: { CN?: string | string[]; O?: string | string[] } | undefined): string {
  return [name?.CN ?? name?.O ?? ""].flat().join(", ");
}
