/**
 * A configuration comes in layers: built-in defaults, the file, the environment, the command line.
 * A later layer wins setting by setting. Each setting remembers its layer, so that a fault can name
 * the place where the wrong value was written.
 */
import { isAbsolute, resolve } from "node:path";

export type Tree = { [key: string]: unknown };

export interface Layer {
  /** How a fault calls it: a file name, `environment`, `command line`. */
  source: string;
  values: Tree;
  /** Directory that relative file names in this layer start from. */
  base_dir: string;
  /** How this layer calls a setting, where that is not its path: `MONITOR_PORT`, `--port`. */
  names?: ReadonlyMap<string, string>;
}

export interface Merged {
  values: Tree;
  /** The layer a setting came from, by its path. */
  origins: Map<string, Layer>;
}

/** Settings that are names of files or directories. */
const FILE_NAMES = [
  "data_dir",
  "database.password_file",
  "database.url_file",
  "database.replica_url_file",
  "alerts.rules_file",
  "tls.certificate_file",
  "tls.key_file",
];

const ADDRESS = ["host", "port", "username", "database_name"].map((key) => `database.${key}`);

/** Two ways to say one thing: when a later layer uses the one, what earlier ones said is dropped. */
const REPLACES = new Map(Object.entries({
  "database.url": [...ADDRESS, "database.url_file"],
  "database.url_file": [...ADDRESS, "database.url"],
  "database.host": ["database.url", "database.url_file"],
  "database.replica_url": ["database.replica_url_file"],
  "database.replica_url_file": ["database.replica_url"],
  "database.password": ["database.password_file"],
  "database.password_file": ["database.password"],
}));

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A key of the input may be called `__proto__`; what is inherited is never looked at. */
function own(tree: Tree, key: string): unknown {
  return Object.hasOwn(tree, key) ? tree[key] : undefined;
}

/** The value at `path`, or undefined. */
export function valueAt(tree: Tree, path: string): unknown {
  let node: unknown = tree;
  for (const key of path.split(".")) node = isTree(node) ? own(node, key) : undefined;
  return node;
}

/** Sets (or with `undefined` removes) the value at `path`, in place. */
export function setAt(tree: Tree, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let node = tree;
  for (const key of keys) {
    const child = own(node, key);
    node = isTree(child) ? child : (node[key] = {});
  }
  if (value === undefined) delete node[last];
  else node[last] = value;
}

/** Paths and values of a layer's settings. A section that is empty or no object counts as one. */
function leaves(tree: Tree, prefix = ""): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    const path = `${prefix}${key}`;
    const nested = prefix === "" && isTree(value) && Object.keys(value).length > 0;
    return nested ? leaves(value, `${path}.`) : [[path, value]];
  });
}

/** Later layers win. The layers themselves are left as they are. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const values: Tree = {};
  const origins = new Map<string, Layer>();
  for (const layer of layers) {
    const given = leaves(layer.values);
    for (const [path] of given) {
      for (const dropped of REPLACES.get(path) ?? []) {
        setAt(values, dropped, undefined);
        origins.delete(dropped);
      }
    }
    for (const [path, value] of given) {
      // an empty section takes nothing away from earlier layers
      if (isTree(value) && isTree(valueAt(values, path))) continue;
      const is_file = FILE_NAMES.includes(path) && typeof value === "string" && value !== "";
      const absolute = is_file && !isAbsolute(value) ? resolve(layer.base_dir, value) : value;
      setAt(values, path, isTree(absolute) ? { ...absolute } : absolute);
      origins.set(path, layer);
    }
  }
  return { values, origins };
}
