/** A state as a mark that colour, shape and screen readers tell alike. */
import { SHAPES, type State } from "./state.ts";
import { TEXT } from "./text.ts";

export function StateMark({ state }: { state: State }) {
  return (
    <span
      class={`state ${state}`}
      role="img"
      aria-label={TEXT.state[state]}
      title={TEXT.state[state]}
    >
      {SHAPES[state]}
    </span>
  );
}
