/** What a host has said with its values, or instead of them: errors of collectors, mostly. */
import { useEffect, useRef, useState } from "preact/hooks";
import { pathWith, request } from "./api.ts";
import type { Message } from "./chart_messages.ts";
import type { Span } from "./range.ts";

const MESSAGES_MAX = 500;
/** What is new is asked for this often, while the window moves. */
const FRESH_S = 15;

/** The newest messages of a host in a span. */
export function useMessages(hostname: string, span: Span): readonly Message[] {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const read = useRef<Span>({ from_s: 0, to_s: 0 });
  const moved_s = Math.max(
    Math.abs(span.to_s - read.current.to_s),
    Math.abs(span.from_s - read.current.from_s),
  );
  const wanted = moved_s > FRESH_S ? span : read.current;
  useEffect(() => {
    read.current = wanted;
    const abort = new AbortController();
    const { from_s, to_s } = wanted;
    request<{ messages: Message[] }>(
      pathWith("/api/v1/messages", {
        host: hostname,
        from: from_s.toFixed(3),
        to: to_s.toFixed(3),
        limit: MESSAGES_MAX,
      }),
      { signal: abort.signal },
    ).then((answer) => setMessages(answer.messages)).catch(() => {
      // the page says that the server does not answer; what is known stays
    });
    return () => abort.abort();
  }, [hostname, wanted.from_s, wanted.to_s]);
  return messages;
}
