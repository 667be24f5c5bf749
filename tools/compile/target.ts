/** The platforms `monitor` is compiled for, by the names `deno compile` has for them. */

export interface Target {
  name: string;
  /** As `Deno.build` says it there. */
  os: "linux" | "darwin" | "windows";
  arch: "x86_64" | "aarch64";
  /** Of the name of an executable: `.exe`, or nothing. */
  ending: "" | ".exe";
}

export const TARGETS: readonly Target[] = [
  { name: "x86_64-unknown-linux-gnu", os: "linux", arch: "x86_64", ending: "" },
  { name: "aarch64-unknown-linux-gnu", os: "linux", arch: "aarch64", ending: "" },
  { name: "x86_64-apple-darwin", os: "darwin", arch: "x86_64", ending: "" },
  { name: "aarch64-apple-darwin", os: "darwin", arch: "aarch64", ending: "" },
  { name: "x86_64-pc-windows-msvc", os: "windows", arch: "x86_64", ending: ".exe" },
];

/** The target of this name. Throws Error, which names all there are. */
export function targetNamed(name: string = Deno.build.target): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (target !== undefined) return target;
  const known = TARGETS.map((one) => one.name).join(", ");
  throw new Error(`Cannot compile for "${name}": known targets are ${known}`);
}
