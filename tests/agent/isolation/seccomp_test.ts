/** The filter of system calls, run as the kernel would run it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AF_INET, AF_NETLINK, AF_UNIX, callFilter } from "../../../agent/isolation/seccomp.ts";

interface Call {
  machine: number;
  number: number;
  argument: number;
}

const X86_64 = 0xc000003e;
const SOCKET = 41;

/** Classic BPF, as far as the filter uses it. Fails on a jump out of the program. */
function decide(filter: Uint8Array<ArrayBuffer>, call: Call): "allowed" | "refused" {
  const view = new DataView(filter.buffer);
  const data = new Map([[0, call.number], [4, call.machine], [16, call.argument]]);
  let loaded = 0;
  for (let line = 0; line * 8 < filter.length; line++) {
    const code = view.getUint16(line * 8, true);
    const value = view.getUint32(line * 8 + 4, true);
    const jump = (so: boolean) => view.getUint8(line * 8 + (so ? 2 : 3));
    if (code === 0x06) return value === 0x7fff0000 ? "allowed" : "refused";
    if (code === 0x20) loaded = data.get(value) ?? assert.fail(`loads ${value}`);
    else if (code === 0x15) line += jump(loaded === value);
    else if (code === 0x35) line += jump(loaded >= value);
    else assert.fail(`unknown code ${code}`);
  }
  assert.fail("the program has no end");
}

const filterFor = (domains: number[]) => callFilter("x86_64", domains) ?? assert.fail("no filter");

Deno.test("callFilter() lets through sockets of the domains that were named, and all other calls", () => {
  const domains = fc.uniqueArray(fc.integer({ min: 0, max: 45 }), { maxLength: 10 });
  fc.assert(fc.property(domains, fc.integer({ min: 0, max: 45 }), (allowed, argument) => {
    const answer = decide(filterFor(allowed), { machine: X86_64, number: SOCKET, argument });
    assert.equal(answer, allowed.includes(argument) ? "allowed" : "refused");
  }));
  const others = [0, 1, 2, 40, 42, 53, 59, 257, 424, 426, 444];
  for (const number of others) {
    assert.equal(decide(filterFor([]), { machine: X86_64, number, argument: 2 }), "allowed");
  }
});

Deno.test("callFilter() refuses what no collector needs, and calls of another kind", () => {
  const filter = filterFor([AF_UNIX, AF_INET, AF_NETLINK]);
  for (const number of [101, 310, 311, 321, 425]) {
    assert.equal(decide(filter, { machine: X86_64, number, argument: 0 }), "refused", `${number}`);
  }
  const other = { number: 0, argument: 0 };
  assert.equal(decide(filter, { ...other, machine: 0x40000003 }), "refused", "32 bits");
  assert.equal(decide(filter, { ...other, machine: X86_64, number: 0x40000000 }), "refused", "x32");
});
