/** How many programs run at once: the others wait, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot; disposing of what comes gives it back. Aborting `signal` ends the wait, without one. */
  async take(signal: AbortSignal): Promise<Disposable> {
    let taken = true;
    if (this.#free > 0) this.#free--;
    else taken = await this.#wait(signal);
    return {
      [Symbol.dispose]: () => {
        if (!taken) return;
        taken = false;
        const [next] = this.#waiting;
        if (next === undefined) this.#free++;
        else next();
      },
    };
  }

  /** Whether it was this one's turn, before nobody wanted it any more. */
  #wait(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (is_turn: boolean) => {
        this.#waiting.delete(take);
        signal.removeEventListener("abort", leave);
        resolve(is_turn);
      };
      const take = () => end(true);
      const leave = () => end(false);
      this.#waiting.add(take);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
