/**
 * `fetch` as scripts see it: for the network. Deno's own also reads files, by `file:`, and follows
 * links there without anybody looking where they lead (sandbox_paths.ts looks, for what is left).
 */

/** The same function without `file:`. What it is given is turned into text once: it may lie later. */
export function networkFetch(original: typeof fetch): typeof fetch {
  return async (input, init) => {
    const is_request = input instanceof Request;
    const { protocol, href } = new URL(`${is_request ? input.url : input}`);
    if (protocol === "file:") {
      throw new TypeError("fetch() of files is not for collectors: Deno.readTextFile() reads them");
    }
    // a request remembers where it goes in a place that scripts can write
    return await original(is_request ? new Request(href, input) : href, init);
  };
}
