/**
 * What an operator may set for a collector, as the collector describes it: plain data in its `metric`
 * export, so that it can be shown and checked without running anything of the script.
 *
 * A description never widens what a script may do by itself. The types that stand for a place to
 * connect to (`url`, `address`, `nameserver`) are what the operator wrote there, and it is that text,
 * read by option_values.ts on the trusted side, from which the permission is made.
 */
import { z } from "zod";

const OPTION_TYPES = [
  "boolean",
  "number",
  "duration",
  "text",
  "texts",
  "secret",
  "url",
  "address",
  "nameserver",
  "targets",
] as const;

/** A name in JSON that needs no quotes in a path; `name` of a target is made by the agent. */
const optionName = z.string().regex(/^[a-z]\w{0,49}$/, "must be a name such as per_core");

const flatOption = z.strictObject({
  type: z.enum(OPTION_TYPES),
  description: z.string().min(1).max(500),
  /** Without it the collector is off. */
  required: z.boolean().optional(),
  default: z.union([z.boolean(), z.number(), z.string(), z.array(z.string())]).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  choices: z.array(z.string()).min(1).optional(),
  default_port: z.int().min(1).max(65_535).optional(),
});

/** One option; `fields` and `shorthand` are of targets, which are lists of objects of options. */
export const optionSchema = flatOption.extend({
  fields: z.record(optionName, flatOption).optional(),
  shorthand: optionName.optional(),
}).superRefine((option, context) => {
  const isTargets = option.type === "targets";
  const { fields = {}, shorthand = "" } = option;
  if (!isTargets && option.fields === undefined && option.shorthand === undefined) return;
  if (isTargets && Object.hasOwn(fields, shorthand) && !Object.hasOwn(fields, "name")) return;
  context.addIssue({
    code: "custom",
    message: isTargets
      ? "must have fields, and name one of them as shorthand; name is not for them"
      : "only targets have fields and shorthand",
  });
});
export type Option = z.output<typeof optionSchema>;
/** Options by name. */
export const optionsSchema = z.record(optionName, optionSchema);
export type OptionDescriptions = z.output<typeof optionsSchema>;

/** Set for every collector beside its own options; read by the agent and not given to the script. */
export const COMMON_OPTIONS = ["enabled", "every", "timeout"] as const;
