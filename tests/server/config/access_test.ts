import assert from "node:assert/strict";
import { configSchema } from "../../../server/config/schema.ts";

function faults(settings: object): string[] {
  const parsed = configSchema.safeParse({ data_dir: "/x", ...settings });
  return parsed.error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];
}

Deno.test("an open server is for its own machine: no other address, no proxy", () => {
  const trust_proxy = ["127.0.0.1"];
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    assert.deepEqual(faults({ webapp: { host } }), [], host);
  }
  for (
    const webapp of [{ host: "0.0.0.0" }, { host: "::" }, { host: "10.0.0.1" }, { trust_proxy }]
  ) {
    const [fault = ""] = faults({ webapp });
    assert.match(fault, /^access\.mode must be "required" where .*token create --role admin/);
    assert.deepEqual(faults({ webapp, access: { mode: "required" } }), []);
  }
});
