/**
 * The list of all settings, read off the schema: it is what environment variables, suggestions and
 * the documentation are made from, so that a new setting is one line in one place.
 *
 * The variable of a setting is `MONITOR_` and its path in capitals: `database.password_file` is
 * `MONITOR_DATABASE_PASSWORD_FILE`. The two everybody needs have a short name as well.
 */
import { z } from "zod";
import { fileSchema } from "./schema.ts";

export interface Setting {
  /** `webapp.port` */
  path: string;
  /** Names of its environment variable, the later ones short forms. */
  variables: string[];
  /** Whether a text that looks like a number is meant as one. */
  numeric: boolean;
  description: string;
  /** Of a list of objects: the keys these can have. */
  items?: string[];
  /** Undefined when the setting has none, or it depends on other things. */
  default?: unknown;
}

const SHORT_NAMES: Record<string, string> = {
  "webapp.port": "MONITOR_PORT",
  data_dir: "MONITOR_DATA",
};

type Node = z.core.JSONSchema.BaseSchema;

function isNumeric(node: Node): boolean {
  return node.type === "integer" ||
    (node.anyOf ?? []).some((one) => typeof one === "object" && one.type === "integer");
}

function collect(node: Node, path: string): Setting[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    if (typeof child === "boolean") return [];
    const child_path = path === "" ? key : `${path}.${key}`;
    if (child.properties !== undefined) return collect(child, child_path);
    const short = SHORT_NAMES[child_path];
    // a list or a map of things cannot be written into a variable
    if (child.type === "array" || child.additionalProperties instanceof Object) {
      const { description = "", default: preset } = child;
      const { items: item } = child;
      const items = typeof item === "object" && !Array.isArray(item)
        ? Object.keys(item.properties ?? {})
        : [];
      return [{
        ...{ path: child_path, variables: [], numeric: false, description, items },
        default: preset,
      }];
    }
    const long = `MONITOR_${child_path.replaceAll(".", "_").toUpperCase()}`;
    return [{
      path: child_path,
      variables: short === undefined ? [long] : [long, short],
      numeric: isNumeric(child),
      description: child.description ?? "",
      default: child.default,
    }];
  });
}

/** Every setting, in the order of the schema. */
export function listSettings(): Setting[] {
  return collect(z.toJSONSchema(fileSchema, { io: "input" }), "");
}
