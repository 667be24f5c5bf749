/** An agent that gets a token of its own by a code, against a server that the test answers for. */
import assert from "node:assert/strict";
import { type AgentConfigInput, loadAgentConfig } from "../../agent/config.ts";
import type { Credential } from "../../agent/credential.ts";
import { credentialFor } from "../../agent/credential_choice.ts";
import { joinVerdict } from "../../agent/join.ts";
import { makeJoinCode, nameOf } from "../../token.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { tempDir } from "../support/temp_dir.ts";
import { EventLog } from "./event_log.ts";

interface Said {
  code: string;
  hostname: string;
  token: string;
}

/** Answers what `answer` says to the n-th that asks, from 0; undefined: not at all. */
class Server implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: (said: Said, n: number) => Response) {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const said = await request.json();
        return answer(said, this.said.push(said) - 1);
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const agrees = ({ token, hostname }: Said) =>
  Response.json({ name: nameOf(token), hostname }, { status: 201 });
const refuses = () => Response.json({ error: "Cannot join with this code" }, { status: 403 });

const TROUBLE = "Cannot join; reports are kept until the agent has a token";
const NO_END = new AbortController().signal;

async function agent(settings: AgentConfigInput) {
  const clock = new FakeClock();
  const events = new EventLog();
  const overrides = { ...settings, request_timeout: "10m" };
  const config = await loadAgentConfig({ overrides, hostname: () => "web-1" });
  const credential = await credentialFor({ config, clock, log: events.log });
  return { clock, events, credential };
}

const shown = (credential: Credential) => credential.authorization({ body: "", now_ms: 0 });

/**
 * Time passes until this is over: so fast that waiting takes no time, and slowly enough that the server
 * has answered long before a request is too late.
 */
async function passing<T>(clock: FakeClock, waiting: Promise<T>): Promise<T> {
  let over = false;
  void waiting.finally(() => over = true).catch(() => {});
  while (!over) await clock.advance(1_000);
  return await waiting;
}

Deno.test("joinVerdict(): only what a monitor server says is an agreement", () => {
  const base = { retry_after: null, location: null, date: null };
  const kind = (status: number, body: unknown = {}, retry_after: string | null = null) => {
    const verdict = joinVerdict({ ...base, retry_after, status, body: JSON.stringify(body) }, 0);
    return verdict.kind === "retry" ? verdict.retry_after_ms ?? "retry" : verdict.kind;
  };
  assert.deepEqual([
    kind(201, { name: "mon_abcdefgh" }),
    ...[kind(200, { name: "mon_abcdefgh" }), kind(201, "hello"), kind(404), kind(302)],
    ...[kind(401), kind(403), kind(400)],
    ...[kind(500), kind(503, {}, "7"), kind(429)],
  ], [
    "joined",
    ...["refused", "refused", "refused", "refused"],
    ...["refused", "refused", "refused"],
    ...["retry", 7_000, "retry"],
  ]);
});

Deno.test("an agent joins once, keeps its token for itself, and shows it after a restart", async () => {
  await using dir = await tempDir();
  await using server = new Server(agrees);
  const data_dir = dir.join("data");
  const code = makeJoinCode().text;
  const settings = { server: server.url, data_dir, join_code: code };
  const { credential, events } = await agent(settings);
  assert.equal(shown(credential), undefined);
  assert.equal(await credential.ready(NO_END), true);
  const [said] = server.said;
  assert.deepEqual([said?.code, said?.hostname], [code, "web-1"]);
  assert.equal(shown(credential), `Bearer ${said?.token}`);
  const { mode } = await Deno.stat(`${data_dir}/token.json`);
  if (mode !== null) assert.equal(mode & 0o777, 0o600);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(data_dir))).map(({ name }) => name), [
    "token.json",
  ]);
  const { server: url } = settings;
  for (const again of [settings, { server: url, data_dir }]) {
    const later = await agent(again);
    assert.equal(await later.credential.ready(NO_END), true);
    assert.equal(shown(later.credential), `Bearer ${said?.token}`);
  }
  assert.equal(server.said.length, 1);
  const told = JSON.stringify(events.events);
  assert.ok(!told.includes(code) && !told.includes(said?.token ?? ""), "a secret is told");
  // another code, or another name: it asks anew
  for (const other of [{ join_code: makeJoinCode().text }, { hostname: "web-2" }]) {
    const anew = await agent({ ...settings, ...other });
    assert.equal(await anew.credential.ready(NO_END), true);
  }
  assert.equal(new Set(server.said.map(({ token }) => token)).size, 3);
  const named = await agent({ ...settings, token: "mine" });
  assert.equal(shown(named.credential), "Bearer mine");
});

Deno.test("an agent whose answer was lost asks again for the same token, also after a crash", async () => {
  await using dir = await tempDir();
  await using server = new Server((said, n) =>
    n < 2 ? new Response("", { status: 503 }) : agrees(said)
  );
  const settings = { server: server.url, data_dir: dir.path, join_code: makeJoinCode().text };
  const first = await agent(settings);
  const stop = new AbortController();
  const waiting = first.credential.ready(stop.signal);
  await first.events.until(TROUBLE);
  stop.abort();
  assert.equal(await waiting, false);
  const second = await agent(settings);
  assert.equal(await passing(second.clock, second.credential.ready(NO_END)), true);
  assert.equal(server.said.length, 3);
  assert.equal(new Set(server.said.map(({ token }) => token)).size, 1);
});

Deno.test("a refused agent says what to do, keeps the token it had, and takes a new code", async () => {
  await using dir = await tempDir();
  const file = dir.join("code");
  const data_dir = dir.join("data");
  const codes = [makeJoinCode().text, makeJoinCode().text, makeJoinCode().text];
  const [good = "", bad = "", better = ""] = codes;
  await using server = new Server((said) => said.code === bad ? refuses() : agrees(said));
  const settings = { server: server.url, data_dir, join_code_file: file };
  await Deno.writeTextFile(file, `${good}\n`);
  const first = await agent(settings);
  await first.credential.ready(NO_END);
  await Deno.writeTextFile(file, `${bad}\n`);
  const { credential, events, clock } = await agent(settings);
  const waiting = credential.ready(NO_END);
  const told = await events.until(TROUBLE);
  assert.match(
    JSON.stringify(told),
    /"level":"error".*403 Cannot join with this code.*another code/,
  );
  const kept = JSON.parse(await Deno.readTextFile(`${data_dir}/token.json`));
  assert.equal(`Bearer ${kept.token}`, shown(first.credential));
  await Deno.writeTextFile(file, better);
  assert.equal(await passing(clock, waiting), true);
  assert.deepEqual(server.said.map(({ code }) => code), codes);
  // the file has done its work
  await Deno.remove(file);
  const last = await agent(settings);
  assert.equal(shown(last.credential), `Bearer ${server.said.at(-1)?.token}`);
});

Deno.test("an agent with a text that is no code says so, and asks nobody", async () => {
  await using dir = await tempDir();
  await using server = new Server(agrees);
  const { credential, events } = await agent({
    server: server.url,
    data_dir: dir.path,
    join_code: "join_abc",
  });
  const stop = new AbortController();
  const waiting = credential.ready(stop.signal);
  await events.until(TROUBLE);
  assert.match(JSON.stringify(events.events), /The join code is none.*Copy all of what/);
  stop.abort();
  assert.equal(await waiting, false);
  assert.deepEqual(server.said, []);
});
