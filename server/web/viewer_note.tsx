/** Says why there is nothing to press. */
import { may } from "./session.ts";
import { TEXT } from "./text.ts";

export function ViewerNote() {
  return may("operator") ? null : <p class="soft">{TEXT.viewer_note}</p>;
}

/** Of a button that is greyed for those who may only look. */
export function forOperators(): { disabled?: boolean; title?: string } {
  return may("operator") ? {} : { disabled: true, title: TEXT.needs_operator };
}
