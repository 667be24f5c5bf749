/** Rules as people change them: checked here, kept in the database, heard of by the evaluator. */
import type { Clock } from "../../clock.ts";
import type { Sql } from "../../db/connect.ts";
import {
  type Applied,
  deleteRules,
  insertRule,
  replaceFileRules,
  type RuleRow,
  type RuleSource,
  selectRule,
  selectRules,
  updateRule,
  updateRuleEnabled,
} from "../../db/rules.ts";
import type { Fault } from "../../report.ts";
import { isUniqueViolation } from "../../db/sqlstate.ts";
import { NotFoundError } from "../query/context.ts";
import { type RuleInput, ruleSchema } from "./rule_schema.ts";

/** A rule cannot be taken as it is; the message has every fault with its place. */
export class RuleRefusedError extends Error {
  override name = "RuleRefusedError";
  /** @param faults By the field they are in, where that is known. */
  constructor(message: string, readonly faults: readonly Fault[] = []) {
    super(message);
  }
}

/** The name belongs to another rule. */
export class RuleConflictError extends Error {
  override name = "RuleConflictError";
}

/** Faults in a rule; none when it is right. */
function ruleFaults(given: unknown): Fault[] {
  const parsed = ruleSchema.safeParse(given);
  return parsed.error?.issues.flatMap(({ path, ...issue }) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
        path: [...path, key].join("."),
        message: "is no setting there is",
      }))
      : [{ path: path.join("."), message: issue.message }]
  ) ?? [];
}

/** What was written, when it is a rule. @throws RuleRefusedError with every fault */
export function requireRule(given: unknown, what = "the rule"): RuleInput {
  const faults = ruleFaults(given);
  // checked just now: what was written is of this form
  if (faults.length === 0) return given as RuleInput;
  const texts = faults.map(({ path, message }) => path === "" ? message : `${path} ${message}`);
  throw new RuleRefusedError(`Cannot take ${what}: ${texts.join("; ")}`, faults);
}

export class RuleBook {
  readonly #sql: Sql;
  readonly #clock: Pick<Clock, "now">;
  readonly #onChange: () => void;

  constructor(options: { sql: Sql; clock: Pick<Clock, "now">; onChange: () => void }) {
    this.#sql = options.sql;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
  }

  list(): Promise<RuleRow[]> {
    return selectRules(this.#sql);
  }

  /** @throws NotFoundError */
  async get(id: number): Promise<RuleRow> {
    const row = await selectRule(this.#sql, id);
    if (row === undefined) throw new NotFoundError(`Cannot find rule ${id}`);
    return row;
  }

  /** @throws RuleRefusedError, RuleConflictError */
  async create(given: unknown, source: RuleSource = "api"): Promise<RuleRow> {
    const rule = requireRule(given);
    const id = await this.#unique(
      rule.name,
      insertRule(this.#sql, { ...rowOf(rule), source }, this.#clock.now()),
    );
    this.#onChange();
    return await this.get(id);
  }

  /** @throws RuleRefusedError, RuleConflictError, NotFoundError */
  async replace(id: number, given: unknown): Promise<RuleRow> {
    const rule = requireRule(given);
    const row = { ...rowOf(rule), id, source: "api" as const };
    const isThere = await this.#unique(rule.name, updateRule(this.#sql, row, this.#clock.now()));
    if (!isThere) throw new NotFoundError(`Cannot find rule ${id}`);
    this.#onChange();
    return await this.get(id);
  }

  /** @throws NotFoundError */
  async setEnabled(id: number, enabled: boolean): Promise<void> {
    if (!await updateRuleEnabled(this.#sql, { id, enabled }, this.#clock.now())) {
      throw new NotFoundError(`Cannot find rule ${id}`);
    }
    this.#onChange();
  }

  /** @throws NotFoundError */
  async remove(id: number): Promise<void> {
    if (await deleteRules(this.#sql, [id], this.#clock.now()) === 0) {
      throw new NotFoundError(`Cannot find rule ${id}`);
    }
    this.#onChange();
  }

  /**
   * Makes the rules of the rules file those given, by name, all or nothing.
   *
   * @throws RuleRefusedError
   */
  async apply(given: readonly unknown[], options: { dry_run: boolean }): Promise<Applied> {
    const rules = given.map((one, index) => requireRule(one, `rules[${index}]`));
    const names = rules.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new RuleRefusedError(
        `Cannot take the rules: two have the name ${JSON.stringify(twice)}; names must be unique`,
      );
    }
    const now_ms = this.#clock.now();
    const applied = await replaceFileRules(this.#sql, rules.map(rowOf), { ...options, now_ms });
    if (!options.dry_run) this.#onChange();
    return applied;
  }

  async #unique<T>(name: string, write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new RuleConflictError(
        `Cannot take the rule: there is another with the name ${JSON.stringify(name)}; ` +
          "choose a name of its own, or change that one",
      );
    }
  }
}

function rowOf(rule: RuleInput) {
  return { name: rule.name, definition: rule, enabled: rule.enabled };
}
