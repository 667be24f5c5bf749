import assert from "node:assert/strict";

async function child(...args: string[]) {
  const script = new URL("./stray_failures_child.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, ...args],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("a lost connection that nobody waited for is told and survived", async () => {
  const { code, out, err } = await child("EPIPE");
  assert.deepEqual([code, out], [0, "goes on"], err);
  assert.match(err, /warn +a connection was lost where nobody waited for it error="This socket/);
});

Deno.test("what nobody catches otherwise ends the program with its stack", async () => {
  for (const bug of ["", "ENOENT"]) {
    const { code, out, err } = await child(bug);
    assert.deepEqual([code, out], [1, ""], bug);
    assert.match(err, /stray_failures_child\.ts/);
  }
});
