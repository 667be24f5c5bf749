/** Every route, asked with everything that can be shown, answers what docs/security.md says. */
import assert from "node:assert/strict";
import { systemClock } from "../../../clock.ts";
import { TokenDesk } from "../../../server/access/token_desk.ts";
import { PAGE_HEADER } from "../../../server/http/session.ts";
import type { RouteEntry } from "../../../server/http/routes.ts";
import { accessTable, type Cell, listRoutes, readTable, SHOWN } from "../../../tools/access.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { readSource } from "../../support/modules.ts";
import { type TestApp, testApp } from "../../support/test_app.ts";

const DAY_MS = 86_400_000;
/** Wrong tokens that one address may show without being slowed. */
const FAILURES_FREE = 9;

/** What is shown, by the column it belongs to. Undefined: no header. */
type Credentials = [column: typeof SHOWN[number], what: string, header: string | undefined][];

async function credentialsFor({ database: { sql } }: TestApp): Promise<Credentials> {
  const desk = new TokenDesk({ sql, clock: systemClock });
  const before = new TokenDesk({ sql, clock: new FakeClock(systemClock.now() - DAY_MS) });
  const base = { label: "matrix", hostname: null, created_by: "test" };
  const bearer = (text: string) => `Bearer ${text}`;
  const make = async (
    role: "agent" | "viewer" | "operator" | "admin",
    hostname: string | null = null,
  ) => bearer((await desk.create({ ...base, role, hostname })).text);
  const admin = await make("admin");
  const expired = await before.create({ ...base, role: "admin", expires_in_ms: 1_000 });
  const revoked = await desk.create({ ...base, role: "admin" });
  await desk.revoke(revoked.token.name);
  const changed = admin.at(-2) === "A" ? "B" : "A";
  return [
    ["nothing", "no header", undefined],
    ["not valid", "an unknown one", bearer(`mon_22222222_${"x".repeat(43)}`)],
    ["not valid", "one with another end", admin.slice(0, -2) + changed + admin.slice(-1)],
    ["not valid", "no token at all", "Basic YWRtaW46YWRtaW4="],
    ["not valid", "one expired", bearer(expired.text)],
    ["not valid", "one taken back", bearer(revoked.text)],
    ["agent", "of this host", await make("agent", "web-1")],
    ["agent", "of any host", await make("agent")],
    ["agent of another host", "", await make("agent", "web-2")],
    ["viewer", "", await make("viewer")],
    ["operator", "", await make("operator")],
    ["admin", "", admin],
  ];
}

/** An address of this machine for every few wrong tokens: who guesses is slowed by address. */
class Addresses implements Disposable {
  #client: Deno.HttpClient | undefined;
  #left = 0;
  #next = 1;

  forOne(): Deno.HttpClient {
    if (this.#client === undefined || this.#left === 0) {
      this.#client?.close();
      const at = this.#next++;
      const localAddress = `127.1.${at >> 8}.${at & 255}`;
      this.#client = Deno.createHttpClient({ localAddress });
      this.#left = FAILURES_FREE;
    }
    this.#left--;
    return this.#client;
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }
}

async function ask(
  app: TestApp,
  { method, path }: RouteEntry,
  { header, client }: { header: string | undefined; client: Deno.HttpClient },
): Promise<Cell | string> {
  const target = path.replace(":id", "999999").replaceAll(/:\w+/g, "none").replace("*", "none");
  const body = method === "GET"
    ? undefined
    : path === "/metrics"
    ? JSON.stringify({ hostname: "web-1", metrics: { cpu: 1 } })
    : "{}";
  const response = await fetch(app.url + target, {
    method,
    client,
    body,
    // asked by the page: routes of a session answer nobody else
    headers: { [PAGE_HEADER]: "1", ...(header === undefined ? {} : { authorization: header }) },
  });
  // some answers have no end
  await response.body?.cancel();
  const { status, headers } = response;
  if (status === 401) assert.match(headers.get("www-authenticate") ?? "", /^Bearer/);
  assert.notEqual(status, 429, `${method} ${path}: slowed`);
  // what the route itself has to say: there is no such thing, the body lacks something
  return status < 500 && status !== 401 && status !== 403 || status === 503 ? "yes" : `${status}`;
}

Deno.test("docs/security.md has every route, as the routes are now", async () => {
  await using app = await testApp();
  // not their schemas: those that have been described already look different
  const said = (routes: readonly RouteEntry[]) =>
    routes.map(({ method, path, access, summary }) => [method, path, access, summary]);
  assert.deepEqual(said(listRoutes()), said(app.server.routes));
  const text = readSource("docs/security.md");
  assert.ok(text.includes(accessTable(app.server.routes)), "deno run -A tools/access.ts");
  assert.equal(readTable(text).size, app.server.routes.length);
});

Deno.test("every route × everything that can be shown: what docs/security.md says", async () => {
  await using app = await testApp({ config: { access: { mode: "required" } } });
  using addresses = new Addresses();
  const credentials = await credentialsFor(app);
  const table = readTable(readSource("docs/security.md"));
  const wrong: string[] = [];
  let asked = 0;
  for (const route of app.server.routes) {
    const name = `${route.method} ${route.path}`;
    for (const [column, what, header] of credentials) {
      const answer = await ask(app, route, { header, client: addresses.forOne() });
      const wanted = table.get(name)?.[column];
      if (answer !== wanted) wrong.push(`${name}, ${column} ${what}: ${answer}, not ${wanted}`);
      asked++;
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal(asked, table.size * credentials.length);
});
