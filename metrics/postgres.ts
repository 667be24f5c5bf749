/**
 * What PostgreSQL says about itself, asked in its own protocol, over one connection that is kept. The
 * role needs no more than membership in pg_monitor; SCRAM, MD5 and plain passwords are known.
 *
 * A message is a letter, its length in four bytes (themselves included), and its content; only the
 * first has no letter. Texts end with a zero.
 */
import type { Collected, CollectedTree, Host, Metric } from "../agent/monitor.d.ts";

export const metric: Metric = {
  description: "Connections, transactions and sizes of PostgreSQL",
  kind: "gauge",
  every: "30s",
  timeout: "15s",
  options: {
    targets: {
      type: "targets",
      required: true,
      shorthand: "address",
      description: "Servers to ask",
      fields: {
        address: {
          type: "address",
          required: true,
          default_port: 5432,
          description: 'Host and port, or a socket such as "/run/postgresql/.s.PGSQL.5432"',
        },
        user: { type: "text", default: "monitor", description: "The role to log in as" },
        password: { type: "secret", description: "Its password, where one is wanted" },
        database: { type: "text", default: "postgres", description: "Where to log in" },
        tls: {
          type: "boolean",
          default: false,
          description: "Whether to speak TLS and to check the server's certificate",
        },
        ca: {
          type: "secret",
          description: "Certificates to trust beside those of Mozilla, as PEM; mostly by ca_file",
        },
        timeout: {
          type: "duration",
          default: "5s",
          max: 10_000,
          description: "How long all answers may take",
        },
      },
    },
  },
  metrics: {
    up: { kind: "state", description: "Whether it answers; if not, why, as a remark" },
    connections: { description: "Clients that are connected" },
    connections_max: { description: "Clients that may be connected" },
    active: { description: "Clients whose query runs" },
    idle_in_transaction: { description: "Clients that have begun a transaction and do nothing" },
    waiting: { description: "Clients that wait for a lock" },
    transaction_seconds: { unit: "s", description: "Age of the oldest transaction" },
    commits_total: { kind: "counter", description: "Transactions that were committed" },
    rollbacks_total: { kind: "counter", description: "Transactions that were rolled back" },
    blocks_read_total: { kind: "counter", description: "Blocks that were not in the cache" },
    blocks_hit_total: { kind: "counter", description: "Blocks that were in the cache" },
    rows_read_total: { kind: "counter", description: "Rows that queries have looked at" },
    rows_inserted_total: { kind: "counter", description: "Rows inserted" },
    rows_updated_total: { kind: "counter", description: "Rows updated" },
    rows_deleted_total: { kind: "counter", description: "Rows deleted" },
    temporary_bytes_total: {
      unit: "B",
      kind: "counter",
      description: "Bytes written by queries that did not fit into memory",
    },
    deadlocks_total: { kind: "counter", description: "Deadlocks" },
    standby: { kind: "state", description: "Whether it follows another server" },
    replay_delay: {
      unit: "s",
      description: "On a standby: age of the newest transaction it has replayed",
    },
    standbys: { description: "Servers that follow it" },
    uptime: { unit: "s", description: "Time since it started" },
    size: { unit: "B", description: "Size of the database" },
  },
};

interface Target {
  name: string;
  address: { hostname: string; port: number } | { path: string };
  user: string;
  password?: string;
  database: string;
  tls: boolean;
  ca?: string;
  timeout: number;
}

/** One row of numbers. Everything is cast to a double: the protocol writes it as text. */
const NUMBERS_QUERY = `
select
  (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
  current_setting('max_connections') as connections_max,
  (select count(*) from pg_stat_activity
    where backend_type = 'client backend' and state = 'active') as active,
  (select count(*) from pg_stat_activity
    where backend_type = 'client backend' and state like 'idle in transaction%')
    as idle_in_transaction,
  (select count(*) from pg_stat_activity where wait_event_type = 'Lock') as waiting,
  (select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)
    from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid())
    as transaction_seconds,
  sum(xact_commit) as commits_total,
  sum(xact_rollback) as rollbacks_total,
  sum(blks_read) as blocks_read_total,
  sum(blks_hit) as blocks_hit_total,
  sum(tup_returned) as rows_read_total,
  sum(tup_inserted) as rows_inserted_total,
  sum(tup_updated) as rows_updated_total,
  sum(tup_deleted) as rows_deleted_total,
  sum(temp_bytes) as temporary_bytes_total,
  sum(deadlocks) as deadlocks_total,
  pg_is_in_recovery()::int as standby,
  case when pg_is_in_recovery() then
    extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end as replay_delay,
  (select count(*) from pg_stat_replication) as standbys,
  extract(epoch from clock_timestamp() - pg_postmaster_start_time()) as uptime
from pg_stat_database`;

const SIZES_QUERY = `
select datname, pg_database_size(oid) from pg_database
where datallowconn and has_database_privilege(oid, 'connect') and not datistemplate
order by 2 desc limit 50`;

const PROTOCOL_3 = 196_608;
const TLS_REQUEST = 80_877_103;
const MESSAGE_BYTES_MAX = 1024 * 1024;
const ITERATIONS_MAX = 1_000_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function joined(...parts: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const whole = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function message(letter: string, ...content: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const body = joined(...content);
  return joined(letter, u32(body.length + 4), body);
}

interface Received {
  letter: string;
  body: Uint8Array<ArrayBuffer>;
}

/** The sentence of an error: fields of a letter and a text each. */
function errorText(body: Uint8Array): string {
  const fields = decoder.decode(body).split("\0");
  const of = (letter: string) => fields.find((field) => field.startsWith(letter))?.slice(1);
  return of("M") ?? "it failed without a reason";
}

/** Messages over one connection. */
class Session {
  #connection: Deno.Conn;
  #received = new Uint8Array(0);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // closed already, by the deadline
    }
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /** The next message that matters: notices and settings do not. Throws what an error says. */
  async receive(): Promise<Received> {
    for (;;) {
      const head = await this.#take(5);
      const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
      if (length < 4 || length > MESSAGE_BYTES_MAX) throw new Error("this is not PostgreSQL");
      const letter = String.fromCharCode(head[0] ?? 0);
      const body = await this.#take(length - 4);
      if (letter === "E") throw new Error(errorText(body));
      if (!"NSAK".includes(letter)) return { letter, body };
    }
  }

  /** Rows of texts. */
  async query(sql: string): Promise<{ names: string[]; rows: (string | null)[][] }> {
    await this.send(message("Q", sql, "\0"));
    let names: string[] = [];
    const rows: (string | null)[][] = [];
    for (;;) {
      const { letter, body } = await this.receive();
      if (letter === "T") names = columnNames(body);
      else if (letter === "D") rows.push(columnTexts(body));
      else if (letter === "Z") return { names, rows };
    }
  }

  async #take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(16 * 1024);
    while (this.#received.length < count) {
      const length = await this.#connection.read(buffer);
      if (length === null) throw new Error("the server has closed the connection");
      this.#received = joined(this.#received, buffer.subarray(0, length));
    }
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }
}

function columnNames(body: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 2; at < body.length;) {
    const end = body.indexOf(0, at);
    names.push(decoder.decode(body.subarray(at, end)));
    at = end + 1 + 18;
  }
  return names;
}

function columnTexts(body: Uint8Array): (string | null)[] {
  const view = new DataView(body.buffer, body.byteOffset);
  const texts: (string | null)[] = [];
  for (let at = 2; at < body.length;) {
    const length = view.getInt32(at);
    at += 4;
    texts.push(length < 0 ? null : decoder.decode(body.subarray(at, at + length)));
    at += Math.max(0, length);
  }
  return texts;
}

/** MD5, which WebCrypto leaves out and old roles still use (RFC 1321). */
export function md5Hex(input: Uint8Array): string {
  const shifts = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
  const blocks = (input.length + 8 >> 6) + 1;
  const padded = new Uint8Array(blocks * 64);
  padded.set(input);
  padded[input.length] = 0x80;
  const words = new DataView(padded.buffer);
  words.setUint32(padded.length - 8, input.length * 8, true);
  const sum = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let block = 0; block < blocks; block++) {
    let [a = 0, b = 0, c = 0, d = 0] = sum;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const [mixed = 0, index = 0] = [
        [b & c | ~b & d, i],
        [d & b | ~d & c, 5 * i + 1],
        [b ^ c ^ d, 3 * i + 5],
        [c ^ (b | ~d), 7 * i],
      ][round] ?? [];
      const constant = Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32);
      const word = words.getUint32(block * 64 + index % 16 * 4, true);
      const value = a + mixed + constant + word | 0;
      const shift = shifts[round]?.[i % 4] ?? 0;
      [a, d, c, b] = [d, c, b, b + (value << shift | value >>> 32 - shift) | 0];
    }
    for (const [index, value] of [a, b, c, d].entries()) sum[index] = (sum[index] ?? 0) + value | 0;
  }
  const bytes = new Uint8Array(16);
  for (const [index, value] of sum.entries()) {
    new DataView(bytes.buffer).setInt32(index * 4, value, true);
  }
  return bytes.toHex();
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

/** The SCRAM answer to `server_first`, and what the server then has to prove (RFC 5802). */
export async function scramAnswer(
  password: string,
  exchange: { client_first: string; server_first: string },
): Promise<{ answer: string; proof: string }> {
  const { client_first, server_first } = exchange;
  const fields = new Map(server_first.split(",").map((part) => [part[0], part.slice(2)]));
  const [nonce = "", salt = ""] = [fields.get("r"), fields.get("s")];
  const iterations = Number(fields.get("i"));
  // a server that does not know our nonce answers another; one that wants endless work is none
  if (!nonce.startsWith(client_first.replace(/^.*r=/, "")) || !(iterations <= ITERATIONS_MAX)) {
    throw new Error("the server's answer to the password is not in order");
  }
  const raw = encoder.encode(password.normalize("NFKC"));
  const key = await crypto.subtle.importKey("raw", raw, "PBKDF2", false, ["deriveBits"]);
  const salted = new Uint8Array(
    await crypto.subtle.deriveBits(
      { name: "PBKDF2", hash: "SHA-256", salt: Uint8Array.fromBase64(salt), iterations },
      key,
      256,
    ),
  );
  const client_key = await hmac(salted, "Client Key");
  const stored = new Uint8Array(await crypto.subtle.digest("SHA-256", client_key));
  const without_proof = `c=biws,r=${nonce}`;
  const signed = `${client_first},${server_first},${without_proof}`;
  const signature = await hmac(stored, signed);
  const proof = client_key.map((byte, index) => byte ^ (signature[index] ?? 0));
  const server_signature = await hmac(await hmac(salted, "Server Key"), signed);
  return {
    answer: `${without_proof},p=${proof.toBase64()}`,
    proof: server_signature.toBase64(),
  };
}

async function scram(session: Session, password: string): Promise<void> {
  const nonce = crypto.getRandomValues(new Uint8Array(18)).toBase64();
  const client_first = `n=,r=${nonce}`;
  const first = encoder.encode(`n,,${client_first}`);
  await session.send(message("p", "SCRAM-SHA-256\0", u32(first.length), first));
  const server_first = decoder.decode((await session.receive()).body.subarray(4));
  const { answer, proof } = await scramAnswer(password, { client_first, server_first });
  await session.send(message("p", answer));
  const last = decoder.decode((await session.receive()).body.subarray(4));
  if (last !== `v=${proof}`) throw new Error("the server does not know the password");
}

async function authenticate(session: Session, { user, password = "" }: Target): Promise<void> {
  for (;;) {
    const { letter, body } = await session.receive();
    if (letter === "Z") return;
    if (letter !== "R") throw new Error("this is not PostgreSQL");
    const wanted = new DataView(body.buffer, body.byteOffset).getUint32(0);
    if (wanted === 0) continue;
    if (password === "") throw new Error("it wants a password: set password_file");
    if (wanted === 3) await session.send(message("p", password, "\0"));
    else if (wanted === 5) {
      const inner = md5Hex(encoder.encode(password + user));
      await session.send(message("p", `md5${md5Hex(joined(inner, body.subarray(4, 8)))}\0`));
    } else if (wanted === 10) await scram(session, password);
    else throw new Error(`it wants a way of logging in that is not known here (${wanted})`);
  }
}

async function connect({ address, tls, ca }: Target): Promise<Deno.Conn> {
  if ("path" in address) return await Deno.connect({ transport: "unix", path: address.path });
  const connection = await Deno.connect(address);
  if (!tls) return connection;
  try {
    await connection.write(joined(u32(8), u32(TLS_REQUEST)));
    const answer = new Uint8Array(1);
    await connection.read(answer);
    if (answer[0] !== "S".charCodeAt(0)) throw new Error("the server does not speak TLS");
    const options = { hostname: address.hostname, ...(ca === undefined ? {} : { caCerts: [ca] }) };
    return await Deno.startTls(connection, options);
  } catch (error) {
    connection.close();
    throw error;
  }
}

const sessions = new Map<string, Session>();

async function open(target: Target, onOpen: (session: Session) => void): Promise<Session> {
  const session = new Session(await connect(target));
  onOpen(session);
  const { user, database } = target;
  const settings = { user, database, application_name: "monitor", client_encoding: "UTF8" };
  const content = Object.entries(settings).map((pair) => `${pair.join("\0")}\0`).join("") + "\0";
  const start = joined(u32(PROTOCOL_3), content);
  await session.send(joined(u32(start.length + 4), start));
  await authenticate(session, target);
  return session;
}

async function values(session: Session): Promise<CollectedTree> {
  const { names, rows: [row = []] } = await session.query(NUMBERS_QUERY);
  const tree: CollectedTree = { up: true };
  for (const [index, name] of names.entries()) {
    const text = row[index];
    if (text === null || text === undefined) continue;
    const value = Math.round(Number(text) * 1000) / 1000;
    tree[name] = name === "standby" ? value === 1 : value;
  }
  const { rows } = await session.query(SIZES_QUERY);
  const sizes = rows.map(([name, size]) => [name ?? "", { size: Number(size) }]);
  return { ...tree, database: Object.fromEntries(sizes) };
}

async function ask(target: Target): Promise<CollectedTree> {
  const key = JSON.stringify(target);
  let session: Session | undefined;
  let late = false;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late = true;
    session?.close();
    reject(new Error(`no answer within ${target.timeout} ms`));
  }, target.timeout);
  const noted = (opened: Session) => {
    session = opened;
    if (late) opened.close();
    return opened;
  };
  const answered = (async () => {
    const kept = sessions.get(key);
    sessions.delete(key);
    // a server that was restarted has closed what was kept: that is no fault of it
    const answer = kept && await values(noted(kept)).catch(() => kept.close());
    if (late) throw new Error("late");
    const current = kept !== undefined && answer ? kept : await open(target, noted);
    const tree = answer || await values(current);
    if (late) current.close();
    else sessions.set(key, current);
    return tree;
  })();
  try {
    return await Promise.race([answered, promise]);
  } catch (error) {
    session?.close();
    sessions.delete(key);
    const text = error instanceof Error ? error.message : String(error);
    return { up: { value: false, message: text } };
  } finally {
    clearTimeout(timer);
    answered.catch(() => {});
  }
}

export async function collect(host: Host<{ targets: Target[] }>): Promise<Collected> {
  const { targets } = host.options;
  return Object.fromEntries(
    await Promise.all(targets.map(async (target) => [target.name, await ask(target)] as const)),
  );
}
