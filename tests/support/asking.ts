/** Asking a server until it says what is expected, and sending it JSON. */
import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { assertDescribed } from "./described.ts";
import type { Answer, TestApp } from "./test_app.ts";

/** Half a minute at least: on a machine that has much else to do, what is waited for takes its time. */
const ATTEMPTS_MAX = 6_000;

/** Asks until the answer is as wanted; what is waited for happens without the fake clock. */
export async function eventually(
  ask: () => Promise<Answer>,
  // deno-lint-ignore no-explicit-any -- tests look into whatever JSON came back
  is: (body: any) => boolean,
): Promise<Answer["body"]> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { body } = await ask();
    if (is(body)) return body;
    // lets the server's own work go on
    await systemClock.sleep(5);
  }
  throw new assert.AssertionError({
    message: `it never came: ${JSON.stringify((await ask()).body)}`,
  });
}

export async function send(app: TestApp, method: string, path: string, body?: unknown) {
  const response = await fetch(app.url + path, { method, body: JSON.stringify(body) });
  const text = await response.text();
  const { status, headers } = response;
  const answer: Answer["body"] = text === "" ? undefined : JSON.parse(text);
  assertDescribed(app.server.routes, { method, path }, { status, headers, body: answer });
  return { status, body: answer };
}
