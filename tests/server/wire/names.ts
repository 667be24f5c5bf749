/** Names as nobody wants them and as the server takes them: quotes, braces, emoji, RTL, spaces. */
import fc from "fast-check";
import { HOSTNAME_CHARS_MAX, METRIC_NAME_CHARS_MAX, nameFault } from "../../../report.ts";

const PIECES = [
  ...['"', "\\", "{", "}", ",", "=", "#", "# error: ", " ", "\t".trim(), "'", "host=", 'host="b"'],
  ...[
    "{}",
    '{a="b"}',
    '{a="b",}',
    '{a="b",c="d"}',
    '{"a"}',
    'x{host="y"}',
    "__proto__",
    "NaN",
    "1",
  ],
  ...["\u2028", "\ufeff", "\ufffd", "\u202e", "שלום", "😀", "e\u0301", "name", "a.b", "a:b_c", "0"],
];

const text = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((all) => all.join("")),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.constantFrom("cpu_usage", 'http_requests_total{code="200"}', "disk.root.used_percent"),
);

export const hosts = text.filter((name) => nameFault(name, HOSTNAME_CHARS_MAX) === undefined);
export const metrics = text.filter((name) => nameFault(name, METRIC_NAME_CHARS_MAX) === undefined);
