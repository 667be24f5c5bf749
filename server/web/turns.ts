/** Answers that overtake each other. */

/**
 * For one thing that is asked for again and again: what is returned is called with each question and
 * gives a function that tells, when its answer is there, whether none to a later question came before.
 */
export function turns(): () => () => boolean {
  let asked = 0;
  let shown = 0;
  return () => {
    const turn = ++asked;
    return () => {
      if (turn < shown) return false;
      shown = turn;
      return true;
    };
  };
}
