/** Counts requests and their answers: for the server's own numbers. */
import type { Registry } from "../metrics/registry.ts";

type Handle = (
  request: Request,
  /** From where it comes. */
  info?: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** The same handler, counted. (No async function: this is on the way of every report.) */
export function counted(handle: Handle, metrics: Registry): Handle {
  const answers = metrics.counter("monitor_server_http_responses_total", {
    help: "Answered requests by status",
    label: "code",
  });
  // the first report of these numbers has it, too, whoever asks first
  answers.add(0, "200");
  let open = 0;
  metrics.read("monitor_server_http_requests_open", {
    kind: "gauge",
    help: "Requests being answered",
  }, () => open);
  const done = (response: Response) => {
    open--;
    answers.add(1, String(response.status));
    return response;
  };
  return (request, info) => {
    open++;
    const response = handle(request, info);
    return response instanceof Promise ? response.then(done) : done(response);
  };
}
