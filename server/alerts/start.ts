/** Puts alerting together: the service, and what the API asks of it. */
import type { Clock } from "../../clock.ts";
import type { Database } from "../../db/database.ts";
import type { Logger } from "../../log.ts";
import type { Registry } from "../metrics/registry.ts";
import type { QueryContext } from "../query/context.ts";
import { backtest, type BacktestQuery, type BacktestResult } from "./backtest.ts";
import { IncidentDesk } from "./incident_desk.ts";
import { type AlertListing, listAlerts } from "./listing.ts";
import { RuleBook } from "./rule_book.ts";
import { registerAlerts } from "./metrics.ts";
import type { RuleInput } from "./rule_schema.ts";
import { loadRulesFile } from "./rules_file.ts";
import { Alerting } from "./service.ts";

export interface AlertRoutes {
  rules: RuleBook;
  incidents: IncidentDesk;
  alerts(): Promise<AlertListing>;
  backtest(query: BacktestQuery): Promise<BacktestResult>;
  /** How many series each rule is about; undefined when another server evaluates. */
  reach(): ReadonlyMap<number, number> | undefined;
}

/** Makes the rules of a file those there are. */
export type ApplyRules = (rules: RuleInput[], file: string | undefined) => Promise<void>;

/**
 * Starts evaluating; stops with `started`. Whoever changes a rule or an incident wakes the evaluator.
 *
 * @throws PlacedError when the rules file cannot be used
 */
export async function startAlerts({ sql, address }: Pick<Database, "sql" | "address">, options: {
  reading: QueryContext;
  clock: Clock;
  log: Logger;
  rules_file?: string;
  /** Are reports taken? While they are not, silence is not the hosts' own. */
  isTaking: () => boolean;
  /** Something new is in the outbox. */
  onOutbox: () => void;
  /** Somebody has said something about an incident. */
  onNews: () => void;
  started: AsyncDisposableStack;
  metrics: Registry;
}): Promise<{ alerting: Alerting; routes: AlertRoutes; applyRules: ApplyRules }> {
  const { reading, clock, rules_file, isTaking, onOutbox, onNews, started } = options;
  const log = options.log.with({ component: "alerts" });
  const given = rules_file === undefined ? undefined : await loadRulesFile(rules_file);
  const name = `${Deno.hostname()} (pid ${Deno.pid})`;
  const alerting = started.use(
    new Alerting({ address, clock, log, name, isTaking, onOutbox }),
  );
  registerAlerts(options.metrics, alerting);
  const wake = () => alerting.wake();
  const rules = new RuleBook({ sql, clock, onChange: wake });
  const applyRules: ApplyRules = async (inputs, file) => {
    const { created, changed, removed } = await rules.apply(inputs, { dry_run: false });
    log.info("rules file applied", { file, created, changed, removed });
  };
  if (given !== undefined) await applyRules(given, rules_file);
  return {
    alerting,
    applyRules,
    routes: {
      rules,
      incidents: new IncidentDesk({ sql, clock, onRequest: wake, onSaid: onNews }),
      alerts: () => listAlerts(sql, { clock, lead: alerting.lead }),
      backtest: (query) => backtest(reading, query),
      reach: () => alerting.lead?.evaluator.reach(),
    },
  };
}
