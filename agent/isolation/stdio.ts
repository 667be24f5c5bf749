/**
 * The conversation with the agent, taken away from where scripts can reach it. Standard input and
 * output belong to every Worker (`Deno.stdout` asks for no permission), so a script could speak for
 * the process, or read what others are told. Before any script is there, the two pipes get other
 * numbers, which nothing in a Worker has a handle of, and 0, 1 and 2 become /dev/null.
 *
 * Windows has no such numbers; there the Workers' own doors (sandbox_doors.ts) are all there is.
 */

export interface Channel {
  /** The next bytes, at most 64 kB; undefined when the other side has closed it. */
  read(): Promise<Uint8Array | undefined>;
  /** Returns when all of it is in the pipe. Throws Error when nobody reads it any more. */
  write(bytes: Uint8Array<ArrayBuffer>): void;
}

const READ_BYTES = 64 * 1024;
const LIBRARIES: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
};
const O_RDWR = 2;

function openLibrary(name: string) {
  return Deno.dlopen(name, {
    dup: { parameters: ["i32"], result: "i32" },
    dup2: { parameters: ["i32", "i32"], result: "i32" },
    open: { parameters: ["buffer", "i32"], result: "i32" },
    // on a thread of its own: it waits until there is something to read
    read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  });
}

/** Takes standard input and output; nobody else in this process has them from now on. */
export function takeStdio(): Channel {
  const library = LIBRARIES[Deno.build.os];
  return library === undefined ? plainStdio() : movedStdio(library);
}

function movedStdio(library: string): Channel {
  const { symbols: libc } = openLibrary(library);
  const [input, output] = [libc.dup(0), libc.dup(1)];
  const nowhere = libc.open(new TextEncoder().encode("/dev/null\0"), O_RDWR);
  if (input < 0 || output < 0 || nowhere < 0) throw new Error("Cannot move the pipes");
  for (const number of [0, 1, 2]) libc.dup2(nowhere, number);
  if (Deno.build.os === "linux") keepFromPrograms([input, output]);
  const buffer = new Uint8Array(READ_BYTES);
  return {
    async read() {
      const bytes = Number(await libc.read(input, buffer, BigInt(buffer.length)));
      return bytes > 0 ? buffer.slice(0, bytes) : undefined;
    },
    write(bytes) {
      for (let at = 0; at < bytes.length;) {
        const rest = bytes.subarray(at);
        const written = Number(libc.write(output, rest, BigInt(rest.length)));
        if (written <= 0) throw new Error("The agent does not listen any more");
        at += written;
      }
    },
  };
}

/** Programs that a script starts (permission `run`) do not inherit the pipes. */
function keepFromPrograms(numbers: readonly number[]): void {
  const O_CLOEXEC = 0o2000000;
  const { symbols } = Deno.dlopen("libc.so.6", {
    dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
    dup: { parameters: ["i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  for (const number of numbers) {
    const copy = symbols.dup(number);
    symbols.dup3(copy, number, O_CLOEXEC);
    symbols.close(copy);
  }
}

function plainStdio(): Channel {
  const buffer = new Uint8Array(READ_BYTES);
  return {
    async read() {
      const bytes = await Deno.stdin.read(buffer);
      return bytes === null ? undefined : buffer.slice(0, bytes);
    },
    write(bytes) {
      for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    },
  };
}
