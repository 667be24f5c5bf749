/**
 * The reports of one host and one shape, turned on their side: a column for every metric. And the
 * union of two of them, which is how late data gets into a block.
 *
 * A report is identified by its time. When two have the same time and different values (which the
 * hot table prevents, but two sources may not), one is kept by a rule that depends on nothing but
 * the values: the first that differs decides, the larger one is kept, and 0 is larger than -0. So
 * the union is commutative, associative and idempotent, and as encoding is a function of the
 * reports, `block(a ∪ b)` is the same bytes whatever came first and how often.
 *
 * `!` after an index: loops run over the arrays' own lengths, which are checked to agree.
 */

/** Strictly ascending times, and for each metric the values at these times. */
export interface Reports {
  /** Whole milliseconds since 1970. */
  times_ms: Float64Array;
  /** One per metric, in the order of the shape; each as long as `times_ms`. */
  columns: Float64Array[];
}

/** One report as the hot table has it. */
export interface ReportRow {
  at_ms: number;
  /** In the order of the shape. */
  values: ArrayLike<number>;
}

/** @throws {RangeError} when times are not whole and strictly ascending, or columns not as long. */
export function requireReports({ times_ms, columns }: Reports): void {
  let before = -Infinity;
  for (const at_ms of times_ms) {
    if (!Number.isSafeInteger(at_ms) || at_ms <= before) {
      throw new RangeError(
        `Times must be whole milliseconds in ascending order: ${at_ms} follows ${before}`,
      );
    }
    before = at_ms;
  }
  for (const column of columns) {
    if (column.length !== times_ms.length) {
      throw new RangeError(
        `A column must have ${times_ms.length} values, one a report: it has ${column.length}`,
      );
    }
  }
}

/**
 * Columns from rows in any order, the same report given any number of times.
 * @throws {RangeError} when a row does not have `metrics` values or its time is not whole.
 */
export function reportsFromRows(rows: readonly ReportRow[], metrics: number): Reports {
  for (const { values } of rows) {
    if (values.length !== metrics) {
      throw new RangeError(`A row must have ${metrics} values: it has ${values.length}`);
    }
  }
  const sorted = rows.toSorted((a, b) => a.at_ms - b.at_ms || compareRows(a.values, b.values));
  const kept = sorted.filter((row, i) => row.at_ms !== sorted[i + 1]?.at_ms);
  const reports = {
    times_ms: Float64Array.from(kept, (row) => row.at_ms),
    columns: Array.from({ length: metrics }, () => new Float64Array(kept.length)),
  };
  // row by row: their values lie next to each other
  kept.forEach(({ values }, row) => {
    for (let metric = 0; metric < metrics; metric++) {
      reports.columns[metric]![row] = values[metric]!;
    }
  });
  requireReports(reports);
  return reports;
}

/**
 * The union by time.
 * @throws {RangeError} when one is not in order or they have different numbers of columns.
 */
export function mergeReports(a: Reports, b: Reports): Reports {
  requireReports(a);
  requireReports(b);
  const metrics = a.columns.length;
  if (b.columns.length !== metrics) {
    throw new RangeError(
      `Reports to merge must be of one shape: ${metrics} and ${b.columns.length} columns`,
    );
  }
  if (isBefore(a, b)) return append(a, b);
  if (isBefore(b, a)) return append(b, a);
  const picks = Int32Array.from(unionOf(a, b));
  const pick = (of_a: Float64Array, of_b: Float64Array) => {
    const picked = new Float64Array(picks.length);
    for (let i = 0; i < picks.length; i++) {
      const row = picks[i]!;
      picked[i] = row >= 0 ? of_a[row]! : of_b[~row]!;
    }
    return picked;
  };
  return {
    times_ms: pick(a.times_ms, b.times_ms),
    columns: a.columns.map((column, metric) => pick(column, b.columns[metric]!)),
  };
}

function isBefore(a: Reports, b: Reports): boolean {
  return (a.times_ms.at(-1) ?? -Infinity) < (b.times_ms[0] ?? Infinity);
}

/** The union when all of `b` is later, which is how an hour grows: a copy, some 50 times faster. */
function append(a: Reports, b: Reports): Reports {
  const join = (of_a: Float64Array, of_b: Float64Array) => {
    const joined = new Float64Array(of_a.length + of_b.length);
    joined.set(of_a);
    joined.set(of_b, of_a.length);
    return joined;
  };
  return {
    times_ms: join(a.times_ms, b.times_ms),
    columns: a.columns.map((column, metric) => join(column, b.columns[metric]!)),
  };
}

/** The rows of the union in order: row i of a as i, row i of b as ~i. */
function unionOf(a: Reports, b: Reports): number[] {
  const picks: number[] = [];
  let at_a = 0;
  let at_b = 0;
  while (at_a < a.times_ms.length && at_b < b.times_ms.length) {
    const ahead_ms = a.times_ms[at_a]! - b.times_ms[at_b]!;
    if (ahead_ms < 0) picks.push(at_a++);
    else if (ahead_ms > 0) picks.push(~at_b++);
    else {
      picks.push(isLarger(b, at_b, a, at_a) ? ~at_b : at_a);
      at_a++;
      at_b++;
    }
  }
  while (at_a < a.times_ms.length) picks.push(at_a++);
  while (at_b < b.times_ms.length) picks.push(~at_b++);
  return picks;
}

function isLarger(one: Reports, one_row: number, other: Reports, other_row: number): boolean {
  for (let metric = 0; metric < one.columns.length; metric++) {
    const order = compare(one.columns[metric]![one_row]!, other.columns[metric]![other_row]!);
    if (order !== 0) return order > 0;
  }
  return false;
}

function compareRows(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let metric = 0; metric < a.length; metric++) {
    const order = compare(a[metric]!, b[metric]!);
    if (order !== 0) return order;
  }
  return 0;
}

function compare(a: number, b: number): number {
  if (a !== b) return a < b ? -1 : 1;
  if (a !== 0 || Object.is(a, b)) return 0;
  return Object.is(a, -0) ? -1 : 1;
}
