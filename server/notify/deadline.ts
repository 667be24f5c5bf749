/** The time one attempt has, and the end of the server, as one signal; says which of them it was. */

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The time was up: nobody else ended it. */
  readonly late: boolean;
}

/** Dispose of it when the attempt is over. */
export function startDeadline(timeout_s: number, stopping: AbortSignal): Deadline {
  const controller = new AbortController();
  let late = false;
  const stop = () => controller.abort(stopping.reason);
  if (stopping.aborted) stop();
  stopping.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => {
    late = !controller.signal.aborted;
    controller.abort(new DOMException("no answer in time", "TimeoutError"));
  }, timeout_s * 1000);
  return {
    signal: controller.signal,
    get late() {
      return late;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      stopping.removeEventListener("abort", stop);
    },
  };
}
