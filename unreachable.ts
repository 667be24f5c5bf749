/**
 * Why a server could not be asked, in words. The engine says "fetch failed", and in its cause a long
 * sentence that repeats the URL (which may hold a secret) and ends with the reason of some library.
 * Used by the agent, by the command line and by `monitor doctor`. Pure.
 */

/** What the libraries below say, and what it means to who has to do something about it. */
const REASONS: readonly (readonly [said: RegExp, meant: string])[] = [
  [/connection refused|ECONNREFUSED/i, "connection refused, nothing listens there"],
  [/dns error|failed to lookup/i, "no machine of this name is known"],
  [/invalid HTTP version parsed/i, "https is spoken there: the URL must begin with https://"],
  [/InvalidContentType/, "plain http is spoken there: the URL must begin with http://"],
  [/UnknownIssuer/, "its certificate is of nobody this machine trusts"],
  [/NotValidForName/, "its certificate is for other names than that of the URL"],
  [/certificate.*Expired/, "its certificate has expired"],
  [/signal timed out/i, "no answer in time"],
];

/** @param error What `fetch` has thrown. */
export function whyUnreachable(error: unknown): string {
  const text = lastMessage(error);
  const known = REASONS.find(([said]) => said.test(text));
  if (known !== undefined) return known[1];
  const told = /^error sending request( from \S+)? for (url \([^)]*\)|\S+ \([^)]*\)):?\s*/;
  return text.replace(told, "") || text;
}

/** That of the last cause. */
function lastMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : lastMessage(error.cause);
}
