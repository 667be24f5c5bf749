/**
 * What a Nagios plugin prints, after the Monitoring Plugins guidelines:
 *
 *   DISK OK - free space: / 81 MB | /=23B;24;25;0;27        status text | performance data
 *   longer text                                             any number of lines
 *   last of it | /var=1B                                    and more performance data
 *   'odd label'=12%;~:80;@90:95                             to the end
 *
 * One datum is `'label'=value[unit];[warn];[crit];[min];[max]`. The quotes may be missing when the
 * label has no space; a quote inside is written twice; `U` means that there is no value this time; in
 * many locales the decimal point is a comma. A threshold is a range: `10` (0 to 10), `10:` (10 and
 * more), `~:10` (10 and less), `10:20`, and `@10:20`, which is bad inside instead of outside.
 *
 * A datum that makes no sense is left out and said; the others, and the status, are as good as before.
 */

export interface Range {
  /** -Infinity and Infinity where there is no limit. */
  low: number;
  high: number;
  /** The plugin complains inside of it, not outside. */
  inside: boolean;
}

export interface PerformanceDatum {
  label: string;
  /** Missing when the plugin said `U`. */
  value?: number;
  unit: string;
  warn?: Range;
  critical?: Range;
  min?: number;
  max?: number;
}

export interface PluginOutput {
  /** The text for people, its longer part included. */
  text: string;
  data: PerformanceDatum[];
  /** Performance data that could not be read. */
  unread: string[];
}

const NUMBER = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?/;

/** A number with a point or a comma; undefined when it is none. */
function numberOf(text: string): number | undefined {
  const [literal] = NUMBER.exec(text) ?? [];
  if (literal === undefined || literal.length !== text.length) return undefined;
  return Number(literal.replace(",", "."));
}

/** Reads a threshold; undefined when it is none. */
export function parseRange(text: string): Range | undefined {
  const inside = text.startsWith("@");
  const [first = "", second, ...more] = (inside ? text.slice(1) : text).split(":");
  if (more.length > 0 || text === "") return undefined;
  const [from, to] = second === undefined ? ["0", first] : [first, second];
  const low = from === "~" ? -Infinity : from === "" ? 0 : numberOf(from);
  const high = to === "" && second !== undefined ? Infinity : numberOf(to);
  if (low === undefined || high === undefined || low > high) return undefined;
  return { low, high, inside };
}

/** "outside 0 to 10", "above 10", "below 10": when the plugin complains. */
export function rangeText({ low, high, inside }: Range): string {
  if (inside) return low === high ? `at ${low}` : `inside ${low} to ${high}`;
  if (low === -Infinity) return high === Infinity ? "never" : `above ${high}`;
  if (high === Infinity) return `below ${low}`;
  return low === 0 ? `above ${high} or below 0` : `outside ${low} to ${high}`;
}

/** Splits performance data into its items at spaces outside of quoted labels; in one pass. */
function* items(text: string): Generator<string> {
  const space = /\s/g;
  let quotes = true;
  for (let start = 0; start < text.length; start++) {
    if (/\s/.test(text.charAt(start))) continue;
    const label_end = quotes && text[start] === "'" ? closingQuote(text, start) : start;
    // A quote that is never closed is a character like others, here and in what follows.
    if (label_end === -1) quotes = false;
    space.lastIndex = Math.max(label_end, start);
    const end = space.exec(text)?.index ?? text.length;
    yield text.slice(start, end);
    start = end;
  }
}

/** Where a quoted label that begins at `start` ends; -1 when it does not. */
function closingQuote(text: string, start: number): number {
  let at = text.indexOf("'", start + 1);
  while (at !== -1 && text[at + 1] === "'") at = text.indexOf("'", at + 2);
  return at;
}

/** Reads one datum; undefined when it is none. */
export function parseDatum(text: string): PerformanceDatum | undefined {
  const [, quoted, plain = "", rest = ""] = /^(?:'((?:[^']|'')*)'|([^=']+))=([^=]*)$/.exec(text) ??
    [];
  const label = (quoted?.replaceAll("''", "'") ?? plain).trim();
  if (label === "") return undefined;
  const [value_text = "", ...limits] = rest.replace(/;+$/, "").split(";");
  if (limits.length > 4) return undefined;
  const datum: PerformanceDatum = { label, unit: "" };
  if (value_text !== "U") {
    const [literal = ""] = NUMBER.exec(value_text) ?? [];
    const value = numberOf(literal);
    const unit = value_text.slice(literal.length);
    if (value === undefined || !/^(?:%|[^\d\s;'"=.,+-]{0,32})$/.test(unit)) return undefined;
    datum.value = value;
    datum.unit = unit;
  }
  const [warn = "", critical = "", min = "", max = ""] = limits;
  // Limits are only told; a value is not thrown away because of a strange one.
  datum.warn = parseRange(warn);
  datum.critical = parseRange(critical);
  datum.min = numberOf(min);
  datum.max = numberOf(max);
  return datum;
}

/** Reads all that a plugin has printed. */
export function parsePluginOutput(output: string): PluginOutput {
  const [first = "", ...others] = output.replaceAll("\r\n", "\n").trimEnd().split("\n");
  const [status, ...status_data] = first.split("|");
  const texts = [status ?? ""];
  const performance = [status_data.join("|")];
  let in_data = false;
  for (const line of others) {
    const bar = in_data ? -1 : line.indexOf("|");
    if (in_data) performance.push(line);
    else texts.push(bar === -1 ? line : line.slice(0, bar));
    if (bar === -1) continue;
    performance.push(line.slice(bar + 1));
    in_data = true;
  }
  const result: PluginOutput = { text: texts.join("\n").trim(), data: [], unread: [] };
  for (const item of items(performance.join(" "))) {
    const datum = parseDatum(item);
    if (datum === undefined) result.unread.push(item);
    else result.data.push(datum);
  }
  return result;
}
