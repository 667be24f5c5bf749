/** What a script says about itself (`export const metric`), read from untrusted text. */
import { z } from "zod";
import { childPath, metadataSchema, type MetricMetadata } from "../report.ts";
import { duration } from "./duration.ts";
import { optionsSchema } from "./options.ts";
import { permissionsSchema } from "./permissions.ts";

export const scriptMetadataSchema = z.strictObject({
  every: duration({ min_ms: 1_000, max_ms: 24 * 3_600_000 }).optional(),
  timeout: duration({ min_ms: 10, max_ms: 3_600_000 }).optional(),
  unit: metadataSchema.shape.unit,
  kind: metadataSchema.shape.kind,
  description: metadataSchema.shape.description,
  permissions: permissionsSchema.optional(),
  platforms: z.array(z.string()).max(20).optional(),
  /** Of these paths the machine has to have every one. Only what says what the machine is. */
  needs: z.array(
    z.string().regex(/^\/(proc|sys|run)\/[^\0]+$/, 'must be a path such as "/proc/pressure"'),
  ).max(20).optional(),
  options: optionsSchema.optional(),
  metrics: z.record(z.string(), metadataSchema).optional(),
});
/** Durations are milliseconds here. */
export type ScriptMetadata = z.output<typeof scriptMetadataSchema>;

/** Reads the JSON that a script's Worker sent; undefined means the script exports no `metric`. */
export function readScriptMetadata(
  json: string | undefined,
): { metadata: ScriptMetadata } | { fault: string } {
  const parsed = scriptMetadataSchema.safeParse(json === undefined ? {} : JSON.parse(json));
  if (parsed.success) return { metadata: parsed.data };
  const faults = parsed.error.issues.map((issue) => {
    const path = issue.path.reduce<string>((at, key) => childPath(at, String(key)), "metric");
    return `${path}: ${issue.message}`;
  });
  return { fault: faults.join("; ") };
}

/**
 * Metadata of the series `series`, which script `name` made; undefined when nothing is known of it.
 * The script's own unit and kind hold for all its series, its description for the one of its name.
 */
export function seriesMetadata(
  series: string,
  script: { name: string; metadata: ScriptMetadata },
): MetricMetadata | undefined {
  const { unit, kind, description, metrics = {} } = script.metadata;
  const below = series === script.name ? "" : series.slice(script.name.length + 1);
  const last = below.slice(below.lastIndexOf(".") + 1);
  const said = (key: string) => Object.hasOwn(metrics, key) ? metrics[key] : undefined;
  const result: MetricMetadata = { unit, kind, ...said(last), ...said(below) };
  if (below === "" && result.description === undefined) result.description = description;
  return Object.values(result).some((value) => value !== undefined) ? result : undefined;
}
