/**
 * How many reports the next request carries, and which. Pure.
 *
 * With everything in one request there is nothing to decide. With a backlog, the newest reports have
 * a request of their own first, so that whoever looks at the server sees the present although a day
 * is still on its way; then comes a batch of the oldest, and so in turn. Requests keep their reports
 * in order, and the server puts them where their timestamps belong.
 *
 * How much one request carries is halved when there was no answer to it and doubled when there was:
 * a slow line gets through with small ones, and a server that comes back is not buried by everybody
 * at once.
 */

/** One segment of the spool; a server reads up to 16 MiB. */
export const BATCH_BYTES_MAX = 1024 * 1024;
const BATCH_REPORTS_MAX = 500;
/** What a request of the newest carries: a few ticks. */
const NEWEST_REPORTS_MAX = 10;

export class SendPlan {
  #reports_max = BATCH_REPORTS_MAX;
  /** Reports to be sent one by one, after a batch of them was refused as a whole. */
  #singles = 0;
  /** The newest report that was sent ahead of a backlog. */
  #ahead_through = 0;

  /** For the oldest reports. */
  limits(): { reports_max: number; bytes_max: number } {
    return {
      reports_max: this.#singles > 0 ? 1 : this.#reports_max,
      bytes_max: BATCH_BYTES_MAX,
    };
  }

  /**
   * Which reports go ahead, when more wait than one request takes; undefined when the oldest are
   * next.
   */
  ahead(
    options: { newest_seq: number },
  ): { after: number; reports_max: number; bytes_max: number } | undefined {
    const { newest_seq } = options;
    if (this.#singles > 0 || newest_seq <= this.#ahead_through) return undefined;
    const reports_max = Math.min(NEWEST_REPORTS_MAX, this.#reports_max);
    const after = Math.max(this.#ahead_through, newest_seq - reports_max);
    return { after, reports_max, bytes_max: BATCH_BYTES_MAX };
  }

  /** The server has answered for a request with these reports. */
  answered(sent: { reports: number; newest_seq: number }): void {
    this.#ahead_through = Math.max(this.#ahead_through, sent.newest_seq);
    this.#reports_max = Math.min(BATCH_REPORTS_MAX, this.#reports_max * 2);
    this.#singles = Math.max(0, this.#singles - sent.reports);
  }

  /** There was no answer at all. */
  unanswered(sent: { reports: number }): void {
    this.#reports_max = Math.max(1, Math.floor(sent.reports / 2));
  }

  /** The server refused them as a whole: each is to be tried alone. */
  split(sent: { reports: number }): void {
    this.#singles = sent.reports;
  }
}
