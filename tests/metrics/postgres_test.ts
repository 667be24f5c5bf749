/** The collector of PostgreSQL against a real one, by each way of logging in. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { collect, md5Hex, scramAnswer } from "../../metrics/postgres.ts";
import { embeddedFixture, query } from "../support/embedded.ts";
import { tempDir } from "../support/temp_dir.ts";
import { fixtureHost } from "./fixture_host.ts";

const { start, usedDirectory } = embeddedFixture();

const HBA = `
local all plain_user password
local all md5_user md5
local all scram_user scram-sha-256
local all all trust
`;

/** Answers SSLRequest with "N", as a server without TLS does. */
function refusesTls() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const connection of listener) {
      using _connection = connection;
      await connection.read(new Uint8Array(8));
      await connection.write(new TextEncoder().encode("N"));
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

Deno.test("postgres: figures by every way of logging in, over restarts, and what goes wrong", async () => {
  await using dir = await tempDir();
  const data_dir = await usedDirectory(dir);
  await using postgres = await start(data_dir);
  await query(postgres.address, async (sql) => {
    await sql`set password_encryption = 'md5'`;
    await sql`create role md5_user login password 'pencil' in role pg_monitor`;
    await sql`set password_encryption = 'scram-sha-256'`;
    await sql`create role scram_user login password 'pencil' in role pg_monitor`;
    await sql`create role plain_user login password 'pencil' in role pg_monitor`;
    const [row] = await sql`select current_setting('hba_file') as file`;
    await Deno.writeTextFile(row?.file, HBA);
    await sql`select pg_reload_conf()`;
  });
  const { host = "", port, username: user = "", database = "" } = postgres.address;
  const path = join(host, `.s.PGSQL.${port}`);
  const common = { address: { path }, database, tls: false, timeout: 5_000, password: "pencil" };
  await using without_tls = refusesTls();
  const targets = [
    { ...common, name: "trust", user, password: undefined },
    ...["plain", "md5", "scram"].map((name) => ({ ...common, name, user: `${name}_user` })),
    { ...common, name: "wrong", user: "scram_user", password: "pen" },
    { ...common, name: "missing", user: "md5_user", password: undefined },
    { ...common, name: "nowhere", user, database: "nowhere" },
    {
      ...common,
      name: "tls",
      user,
      tls: true,
      address: { hostname: "127.0.0.1", port: without_tls.port },
    },
  ];
  const ask = async () => Object(await collect(fixtureHost({ options: { targets } })));
  const first = await ask();
  for (const name of ["trust", "plain", "md5", "scram"]) {
    const { up, connections, connections_max, commits_total, standby, uptime, ...rest } =
      first[name];
    assert.deepEqual([up, standby, rest.standbys, rest.waiting], [true, false, 0, 0], name);
    assert.ok(
      connections >= 1 && connections_max >= connections && commits_total > 0 && uptime > 0,
    );
    assert.ok(rest.database[database].size > 1_000_000);
    assert.ok(!("replay_delay" in rest));
  }
  const message = (name: string) => first[name].up.message;
  assert.equal(message("wrong"), 'password authentication failed for user "scram_user"');
  assert.equal(message("missing"), "it wants a password: set password_file");
  assert.equal(message("nowhere"), 'database "nowhere" does not exist');
  assert.equal(message("tls"), "the server does not speak TLS");
  await postgres.restart();
  // connections that were kept are gone with the old server: nobody is to hear of that
  assert.equal((await ask()).scram.up, true);
  await postgres.stop();
  assert.equal((await ask()).scram.up.value, false);
});

Deno.test("postgres: md5Hex() and scramAnswer() agree with their RFCs", async () => {
  const md5 = (text: string) => md5Hex(new TextEncoder().encode(text));
  assert.equal(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  assert.equal(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  const long = "1234567890".repeat(8);
  assert.equal(md5(long), "57edf4a22be3c955ac49da2e2107b67a");
  const { answer, proof } = await scramAnswer("pencil", {
    client_first: "n=user,r=rOprNGfwEbeRWgbNEkqO",
    server_first:
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  });
  assert.equal(
    answer,
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  assert.equal(proof, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  const other = { client_first: "n=,r=ours", server_first: "r=theirs,s=QUFB,i=4096" };
  await assert.rejects(scramAnswer("x", other), /not in order/);
  const endless = { client_first: "n=,r=a", server_first: "r=ab,s=QUFB,i=999999999" };
  await assert.rejects(scramAnswer("x", endless), /not in order/);
});
