/** Numbers for people: three significant digits, and a unit where the metric says which. */

const SI = ["", " k", " M", " G", " T", " P", " E"];
const BINARY = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];

/** Three significant digits, without an exponent and without zeros that say nothing. */
function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded.toLocaleString("en-US", { useGrouping: false, maximumSignificantDigits: 3 });
}

function scaled(value: number, options: { base: number; suffixes: readonly string[] }): string {
  const { base, suffixes } = options;
  let left = value;
  let step = 0;
  // 999.7 would be rounded to 1000, which is 1 of the next suffix; 1024 would be rounded to 1020
  const full = () => Math.abs(left) >= base || Math.abs(Number(left.toPrecision(3))) >= base;
  while (full() && step < suffixes.length - 1) {
    left /= base;
    step++;
  }
  return `${threeDigits(left)}${suffixes[step] ?? ""}`;
}

/** Beyond these a plain number is unreadable. */
const PLAIN_MAX = 1e21;
const PLAIN_MIN = 1e-6;

/** `unit` as the metric's metadata has it: `bytes`, `percent`, `seconds`, `bytes_per_second`, … */
export function formatValue(value: number, unit?: string): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= PLAIN_MAX || size < PLAIN_MIN)) {
    return `${value.toExponential(2)}${unit === undefined ? "" : ` ${unit}`}`;
  }
  switch (unit) {
    case undefined:
    case "":
      return scaled(value, { base: 1000, suffixes: SI }).replace(" ", "");
    case "B":
    case "bytes":
      return scaled(value, { base: 1024, suffixes: BINARY });
    case "B/s":
    case "bytes/s":
    case "bytes_per_second":
      return `${scaled(value, { base: 1024, suffixes: BINARY })}/s`;
    case "%":
    case "percent":
      return `${threeDigits(value)} %`;
    case "s":
    case "seconds":
      return `${threeDigits(value)} s`;
    default:
      return `${scaled(value, { base: 1000, suffixes: SI }).replace(" ", "")} ${unit}`;
  }
}
