/**
 * One report as several, whose metrics are kept for different times: retention removes whole blocks,
 * so a shape must not have metrics of two classes (server/retention.ts).
 */
import type { Report } from "../../report.ts";

/** The parts, of one class each; the report itself when it has only one. */
export function divideReport(report: Report, classOf: (metric: string) => number): Report[] {
  const classes = report.names.map(classOf);
  if (classes.every((one) => one === classes[0])) return [report];
  return [...new Set(classes)].map((one, part) => {
    const mine = (_: unknown, i: number) => classes[i] === one;
    return {
      ...report,
      names: report.names.filter(mine),
      values: report.values.filter(mine),
      // what is said once belongs to one of them
      annotations: part === 0 ? report.annotations : [],
      facts: part === 0 ? report.facts : {},
    };
  });
}
