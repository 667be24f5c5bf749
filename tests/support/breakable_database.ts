/** A test's database behind a wire that can be cut and mended, as when PostgreSQL is away. */
import { resolveAddress } from "../../db/address.ts";
import { type TestDatabase, testDatabase } from "./test_database.ts";

export interface BreakableDatabase extends TestDatabase {
  /** Cuts all connections; new ones are refused. */
  cut(): void;
  mend(): void;
  /** From now on nothing that is sent arrives, in any connection there is; none is closed. */
  hang(): void;
  /** The same for the connections there are; new ones are well, as behind a firewall that forgot some. */
  forget(): void;
}

export async function breakableDatabase(): Promise<BreakableDatabase> {
  const database = await testDatabase();
  const { host = "localhost", port = 5432 } = resolveAddress(database.address);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let isCut = false;
  let isHanging = false;
  let forgotten = 0;
  const wire = (made: number) =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        if (!isHanging && made === forgotten) controller.enqueue(bytes);
      },
    });
  const join = async (client: Deno.Conn) => {
    const made = forgotten;
    const server = host.startsWith("/")
      ? await Deno.connect({ transport: "unix", path: `${host}/.s.PGSQL.${port}` })
      : await Deno.connect({ hostname: host, port });
    if (isCut) {
      // since it was let in
      client.close();
      server.close();
      return;
    }
    open.add(client).add(server);
    await Promise.allSettled([
      client.readable.pipeThrough(wire(made)).pipeTo(server.writable),
      server.readable.pipeThrough(wire(made)).pipeTo(client.writable),
    ]);
    open.delete(client);
    open.delete(server);
  };
  const joined: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const client of listener) {
      if (isCut) client.close();
      else joined.push(join(client).catch(() => {}));
    }
  })();
  const cut = () => {
    isCut = true;
    for (const connection of open) {
      try {
        connection.close();
      } catch {
        // it was ending by itself
      }
    }
  };
  const url = new URL(database.url);
  url.searchParams.delete("host");
  url.host = `127.0.0.1:${listener.addr.port}`;
  return {
    ...database,
    url: url.href,
    cut,
    mend: () => isCut = false,
    hang: () => isHanging = true,
    forget: () => forgotten++,
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await accepting;
      await Promise.all(joined);
      await database[Symbol.asyncDispose]();
    },
  };
}
