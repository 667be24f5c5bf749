/**
 * The few functions of Linux's C library that build walls around a process. Only the process that is
 * to be confined opens it, and becomes another program right after.
 */

const encoder = new TextEncoder();

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    // numbers only; a pointer is one, see addressOf()
    syscall: { parameters: ["i64", "i64", "i64", "i64", "i64"], result: "i64" },
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    setgroups: { parameters: ["usize", "pointer"], result: "i32" },
    setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
    execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  }).symbols;
}

export type Libc = ReturnType<typeof openLibc>;

/** Throws when there is no such library: then this is not a Linux we know. */
export function loadLibc(): Libc {
  return openLibc();
}

/** Where the bytes are, as a number. They have to be kept until the call is over. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** A text as C has it. */
export function cText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}

/** Becomes another program. Returns only when that fails. */
export function execute(
  libc: Libc,
  program: { path: string; args: readonly string[]; env: Readonly<Record<string, string>> },
): void {
  const { path, args, env } = program;
  const [argv, arguments_kept] = textList([path, ...args]);
  const [envp, env_kept] = textList(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  libc.execve(cText(path), argv, envp);
  // until here nobody may take the texts away that the lists point to
  void [arguments_kept, env_kept];
}

/** An array of pointers to texts, ended by a null pointer; and the texts themselves. */
function textList(
  texts: readonly string[],
): [BigUint64Array<ArrayBuffer>, Uint8Array<ArrayBuffer>[]] {
  const buffers = texts.map(cText);
  return [new BigUint64Array([...buffers.map(addressOf), 0n]), buffers];
}
