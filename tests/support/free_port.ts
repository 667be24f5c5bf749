/**
 * A port of this machine that nobody listens on, and that nobody gets meanwhile who asks for any: below
 * those that systems give away by themselves (from 32768 on Linux, from 49152 elsewhere).
 */
export function freePort(): number {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
