/** An address that is nothing, and a host that there is not. */
import { link } from "./route.ts";
import { TEXT } from "./text.ts";

export function NotFound({ what }: { what: string }) {
  return (
    <div class="empty">
      <h1>
        <bdi>{what}</bdi>
      </h1>
      <p />
      <p>
        <a class="action" href={link("/")}>{TEXT.not_found.back}</a>
      </p>
    </div>
  );
}
