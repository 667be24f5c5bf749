import assert from "node:assert/strict";
import { shippedCollectors, withCollectors } from "../../tools/collectors.ts";
import { readSource } from "../support/modules.ts";

Deno.test("docs/metrics.md has every option and metric of every shipped collector", async () => {
  const page = readSource("docs/metrics.md");
  const shipped = await shippedCollectors();
  assert.ok(shipped.size > 20, `only ${shipped.size} collectors were found`);
  // deno run -A tools/collectors.ts writes it
  assert.equal(withCollectors(page, shipped), page);
});

Deno.test("withCollectors() writes between the marks of a collector, and misses none", () => {
  const marks = "<!-- x: written by tools/collectors.ts -->\nold\n<!-- end of x -->\n";
  const metric = {
    every: "30s" as const,
    options: {
      targets: {
        type: "targets" as const,
        description: "Whom to ask",
        required: true,
        shorthand: "host",
        fields: {
          host: { type: "text" as const, description: "Who" },
          password: { type: "secret" as const, description: "It" },
        },
      },
    },
    metrics: { up: { kind: "state" as const, description: "Whether" } },
  };
  const page = withCollectors(`a\n${marks}b\n`, new Map([["x", metric]]));
  assert.match(
    page,
    /^a\n[^]*\| `targets` \| targets \| required \| Whom to ask; a text is its `host` \|/,
  );
  assert.match(page, /\| `targets\[\]\.password`, `password_file` \| secret \|/);
  assert.match(page, /\| `x\.<name>\.up` \| {2}\| state \| Whether \|\n[^]*b\n$/);
  assert.doesNotMatch(page, /old/);
  assert.throws(() => withCollectors("a", new Map([["x", metric]])), /Cannot find the marks/);
});
