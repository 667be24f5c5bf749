/** A mail server that keeps what it got: nodemailer's sibling, on a port of its own. */
import { SMTPServer } from "smtp-server";
import { Arrivals } from "./arrivals.ts";

export interface Mail {
  from: string;
  to: string[];
  /** As it came: headers, an empty line, the body. */
  text: string;
}

export interface MailCollector extends AsyncDisposable {
  readonly port: number;
  readonly received: Mail[];
  /** A reply such as `451 greylisted` to the recipient; undefined takes it. */
  refuse: (recipient: string) => string | undefined;
  /** Resolves when there are this many; rejects when they do not come. */
  count(wanted: number): Promise<Mail[]>;
}

export interface MailOptions {
  /** Whoever sends must log in with these. */
  login?: { username: string; password: string };
}

/** An error as smtp-server answers it: with the reply's code. */
function reply(text: string): Error {
  const [code = "550", ...words] = text.split(" ");
  return Object.assign(new Error(words.join(" ")), { responseCode: Number(code) });
}

export async function mailCollector(options: MailOptions = {}): Promise<MailCollector> {
  const arrivals = new Arrivals<Mail>();
  const { received } = arrivals;
  const { login } = options;
  const server = new SMTPServer({
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    onAuth({ username, password }, _session, callback) {
      const right = username === login?.username && password === login?.password;
      callback(right ? null : reply("535 wrong password"), { user: username });
    },
    onRcptTo({ address }, _session, callback) {
      const refusal = collector.refuse(address);
      callback(refusal === undefined ? null : reply(refusal));
    },
    onData(stream, { envelope }, callback) {
      const chunks: Uint8Array[] = [];
      stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      stream.on("end", () => {
        arrivals.add({
          from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          text: chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
        });
        callback(null);
      });
    },
  });
  const listening = Promise.withResolvers<void>();
  const listener = server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const address = listener.address();
  const collector: MailCollector = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    received,
    refuse: () => undefined,
    count: (wanted) => arrivals.count(wanted),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return collector;
}
