/** Which metrics are wanted, by globs on their names: `node_*`, `*_bucket`, `go_gc_?_seconds`. */

export interface NameFilterOptions {
  /** Empty: everything. */
  include: readonly string[];
  /** Left out even when included. */
  exclude: readonly string[];
}

function globPattern(glob: string): string {
  return glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
}

function anyOf(globs: readonly string[]): RegExp | undefined {
  return globs.length === 0 ? undefined : new RegExp(`^(?:${globs.map(globPattern).join("|")})$`);
}

/** A test of metric names, labels not included. */
export function nameFilter(options: NameFilterOptions): (metric: string) => boolean {
  const include = anyOf(options.include);
  const exclude = anyOf(options.exclude);
  return (metric) => (include?.test(metric) ?? true) && !(exclude?.test(metric) ?? false);
}
