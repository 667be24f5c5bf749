/** Redis, Docker, and all that connects: through real sockets, the last also through the sandbox. */
import assert from "node:assert/strict";
import { loadAgentConfig } from "../../agent/config.ts";
import { collectOnce } from "../../agent/once.ts";
import { systemClock } from "../../clock.ts";
import { silentLogger } from "../../log.ts";
import { collect as collectDocker, containerUse } from "../../metrics/docker.ts";
import { collect as collectRedis, parseInfo } from "../../metrics/redis.ts";
import { tempDir } from "../support/temp_dir.ts";
import { fixture, fixtureHost } from "./fixture_host.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** Answers AUTH and INFO as Redis does, in small pieces. */
function redisServer(password: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const info = new TextEncoder().encode(fixture("redis_info").replaceAll("\n", "\r\n"));
  const answer = async (connection: Deno.Conn) => {
    using _connection = connection;
    const buffer = new Uint8Array(4096);
    let text = "";
    while (!text.includes("INFO\r\n")) {
      const length = await connection.read(buffer);
      if (length === null) return;
      text += new TextDecoder().decode(buffer.subarray(0, length));
    }
    const say = (line: string) => connection.write(new TextEncoder().encode(line));
    const tried = text.includes("$4\r\nAUTH\r\n");
    const known = text.includes(`$${password.length}\r\n${password}\r\n`);
    if (tried) await say(known ? "+OK\r\n" : "-WRONGPASS invalid username-password pair\r\n");
    if (!known) return void await say("-NOAUTH Authentication required.\r\n");
    await say(`$${info.length}\r\n`);
    for (let at = 0; at < info.length; at += 1000) {
      await connection.write(info.subarray(at, at + 1000));
    }
    await say("\r\n");
  };
  const served = (async () => {
    const open: Promise<void>[] = [];
    for await (const connection of listener) open.push(answer(connection).catch(() => {}));
    await Promise.all(open);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

Deno.test("redis: figures of INFO, behind a password, and why there are none", async () => {
  await using server = redisServer("s3cret");
  const address = { hostname: "127.0.0.1", port: server.port };
  const common = { address, tls: false, timeout: 3_000 };
  const targets = [
    { ...common, name: "good", password: "s3cret" },
    { ...common, name: "wrong", username: "u", password: "other" },
    { ...common, name: "none" },
  ];
  const result = Object(await collectRedis(fixtureHost({ options: { targets } })));
  assert.deepEqual(result.good, {
    up: true,
    uptime: 86_400,
    clients: 12,
    clients_blocked: 1,
    memory_bytes: 1_048_576,
    memory_max_bytes: 4_194_304,
    fragmentation: 1.25,
    commands_total: 1_000,
    connections_total: 50,
    rejected_total: 2,
    hits_total: 700,
    misses_total: 300,
    expired_total: 5,
    evicted_total: 6,
    received_bytes_total: 12_345,
    sent_bytes_total: 67_890,
    keys: 25,
    replicas: 1,
    replica: false,
    unsaved_changes: 7,
    save_ok: true,
  });
  assert.deepEqual(result.wrong, {
    up: { value: false, message: "WRONGPASS invalid username-password pair" },
  });
  assert.deepEqual(result.none, {
    up: { value: false, message: "NOAUTH Authentication required." },
  });
});

Deno.test("redis: a server that takes no connection costs the others nothing", async () => {
  await using server = redisServer("s3cret");
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hanging = Promise.withResolvers<Deno.Conn>();
  const { connect } = Deno;
  // as behind a firewall that drops what it does not like: the system tries for two minutes.
  // It has one form of many, the one that is asked for here.
  const stand_in =
    ((options: Deno.ConnectOptions) =>
      options.port === silent.addr.port ? hanging.promise : connect(options)) as typeof connect;
  const target = (name: string, port: number, timeout: number) => ({
    ...{ name, address: { hostname: "127.0.0.1", port }, password: "s3cret", tls: false, timeout },
  });
  const targets = [
    target("good", server.port, 60_000),
    target("hung", silent.addr.port, 50),
  ];
  Deno.connect = stand_in;
  try {
    const result = Object(await collectRedis(fixtureHost({ options: { targets } })));
    assert.equal(result.good.keys, 25);
    assert.deepEqual(result.hung, { up: { value: false, message: "no answer within 50 ms" } });
  } finally {
    Deno.connect = connect;
  }
  hanging.resolve(await connect({ hostname: "127.0.0.1", port: silent.addr.port }));
  using late = await silent.accept();
  assert.equal(await late.read(new Uint8Array(1)), null, "one that comes later is closed");
});

Deno.test("redis: parseInfo() of a replica, and of what is no INFO", () => {
  const replica = parseInfo("role:slave\r\nmaster_link_status:down\r\nmaxmemory:0\r\n");
  assert.deepEqual(replica, { keys: 0, replica: true, link_up: false });
  assert.deepEqual(parseInfo("hello"), { keys: 0 });
});

/** As Docker 27 answers, with what is not used left out. */
const CONTAINERS = [
  { Id: "aaa", Names: ["/web"], State: "running", Status: "Up 2 hours (healthy)" },
  { Id: "bbb", Names: ["/db"], State: "running", Status: "Up 2 hours (unhealthy)" },
  { Id: "ccc", Names: ["/old job"], State: "exited", Status: "Exited (0) 3 days ago" },
];
const STATS = {
  cpu_stats: { cpu_usage: { total_usage: 12_345_678_901 } },
  memory_stats: { usage: 5_000, limit: 9_000, stats: { inactive_file: 1_000 } },
  networks: { eth0: { rx_bytes: 10, tx_bytes: 20 }, eth1: { rx_bytes: 1, tx_bytes: 2 } },
};

function dockerDaemon(path: string) {
  const server = Deno.serve({ path, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/containers/json" && search === "?all=1") return Response.json(CONTAINERS);
    if (pathname === "/containers/aaa/stats") return Response.json(STATS);
    return new Response('{"message":"no such container"}', { status: 404 });
  });
  return { [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test({
  name: "docker: containers by state, and what each uses; one that has just ended uses nothing",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    const path = dir.join("docker.sock");
    await using _daemon = dockerDaemon(path);
    const host = fixtureHost({ options: { socket: { path }, stats: true } });
    assert.deepEqual(await collectDocker(host), {
      containers: 3,
      running: 2,
      paused: 0,
      exited: 1,
      restarting: 0,
      unhealthy: 1,
      container: {
        web: {
          up: true,
          healthy: true,
          cpu_seconds_total: 12.346,
          memory_bytes: 4_000,
          memory_max_bytes: 9_000,
          rx_bytes_total: 11,
          tx_bytes_total: 22,
        },
        db: { up: true, healthy: false },
        old_job: { up: false },
      },
    });
    const few = await collectDocker(
      fixtureHost({ options: { socket: { path }, stats: false } }),
    );
    assert.deepEqual(Object(few).container.web, { up: true, healthy: true });
  },
});

Deno.test("docker: a container without a limit has none", () => {
  assert.deepEqual(containerUse({ memory_stats: { usage: 5, limit: 2 ** 63 } }), {
    memory_bytes: 5,
  });
});

Deno.test({
  name: "shipped collectors reach their targets with the permissions of the options alone",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    const socket = dir.join("docker.sock");
    await using _daemon = dockerDaemon(socket);
    await using redis = redisServer("s3cret");
    await Deno.writeTextFile(dir.join("password"), "s3cret\n");
    const address = `127.0.0.1:${redis.port}`;
    const config = await loadAgentConfig({
      hostname: () => "a",
      overrides: {
        metrics: [],
        collectors: {
          docker: { socket },
          redis: { targets: [{ name: "cache", address, password_file: dir.join("password") }] },
          tcp_check: { targets: [address] },
          nginx: { targets: [{ url: `http://${address}/`, timeout: "200ms" }] },
        },
      },
    });
    const { metrics, failed } = await collectOnce({
      config,
      clock: systemClock,
      log: silentLogger,
    });
    assert.deepEqual(failed, []);
    const value = (name: string) => metrics.find(({ metric }) => metric === name)?.value;
    assert.equal(value("redis.cache.keys"), 25);
    assert.equal(value("docker.container.web.memory_bytes"), 4_000);
    assert.equal(value(`tcp_check.${address}.up`), 1);
    // what answers there is no web server
    assert.equal(value(`nginx.${address}.up`), 0);
  },
});
