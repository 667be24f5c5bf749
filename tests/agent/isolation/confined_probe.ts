/** For confine_test.ts: tries what it is told to, and prints what came of it as JSON. */

const attempts: Record<string, (argument: string) => unknown> = {
  read: (path) => Deno.readTextFileSync(path),
  list: (path) => [...Deno.readDirSync(path)].map(({ name }) => name).sort(),
  write: (path) => Deno.writeTextFileSync(path, "written"),
  append: (path) => Deno.writeTextFileSync(path, "written", { append: true, create: false }),
  remove: (path) => Deno.removeSync(path),
  execute: (path) => new Deno.Command(path).outputSync().code,
  connect: async (port) =>
    (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close(),
  udp: () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }).close(),
  socket: async (path) => (await Deno.connect({ transport: "unix", path })).close(),
  interfaces: () => Deno.networkInterfaces().length > 0,
  listen: (port) => Deno.listen({ hostname: "127.0.0.1", port: Number(port) }).close(),
  signal: (pid) => Deno.kill(Number(pid), "SIGCONT"),
  uid: () => [Deno.uid(), Deno.gid()],
  powers: () =>
    /^CapEff:\s+(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "unknown",
};

const [walls = "", asked = ""] = Deno.args;
const results: unknown[] = [];
for (const [what, argument] of JSON.parse(asked) as [string, string][]) {
  try {
    const value = await attempts[what]?.(argument);
    results.push(value ?? "done");
  } catch (error) {
    results.push(error instanceof Error ? error.name : "refused");
  }
}
const text = JSON.stringify({ walls: JSON.parse(walls), results });
Deno.stdout.writeSync(new TextEncoder().encode(text));
