import assert from "node:assert/strict";
import { readSearch, tagSearch, tagsOf } from "../../../server/web/host_filter.ts";

interface Named {
  hostname: string;
  alias: string | null;
  location: string | null;
  tags: Record<string, string>;
}

const HOSTS: Named[] = [
  { hostname: "web-1", alias: "Shop", location: "Oslo", tags: { role: "web", env: "prod" } },
  { hostname: "web-2", alias: null, location: null, tags: { role: "web", env: "test" } },
  { hostname: "db-1", alias: null, location: "Rack 12, Oslo", tags: { role: "db", owner: "A B" } },
];

Deno.test("readSearch() finds hosts by all words, in whatever is said about them", () => {
  const cases: [string, string[]][] = [
    ["", ["web-1", "web-2", "db-1"]],
    ["WEB", ["web-1", "web-2"]],
    ["shop oslo", ["web-1"]],
    ["-oslo", ["web-2"]],
    ["tag:role=web", ["web-1", "web-2"]],
    ["tag:role=we", []],
    ["tag:owner", ["db-1"]],
    ["tag:role=web -tag:env=test", ["web-1"]],
    ['"rack 12"', ["db-1"]],
    ['"tag:owner=a b"', ["db-1"]],
    ['tag:owner="A B"', ["db-1"]],
    ['"', ["web-1", "web-2", "db-1"]],
    ["-", ["web-1", "web-2", "db-1"]],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(
      HOSTS.filter(readSearch(text)).map(({ hostname }) => hostname),
      expected,
      text,
    );
  }
});

Deno.test("tagSearch() finds what has the tag, whatever is in it", () => {
  for (const [key, value] of [["role", "web"], ["a b", "c=d"], ["owner", "A B"], ["x", ""]]) {
    const tags = { [key ?? ""]: value ?? "" };
    const host = { hostname: "a", alias: null, location: null, tags };
    const found = [host, ...HOSTS.slice(0, 2)].filter(
      readSearch(tagSearch(key ?? "", value ?? "")),
    );
    assert(found.includes(host), `${key}=${value}`);
  }
});

Deno.test("tagsOf() counts the hosts of each tag", () => {
  assert.deepEqual(tagsOf(HOSTS), [
    ["env=prod", 1],
    ["env=test", 1],
    ["owner=A B", 1],
    ["role=db", 1],
    ["role=web", 2],
  ]);
});
