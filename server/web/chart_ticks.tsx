/** Ticks on a chart's axis of time where something was said, and what it was when the cursor is there. */
import type uPlot from "uplot";
import type { Message } from "./chart_messages.ts";
import { colour } from "./theme.ts";

const TICK_PX = 5;
/**
 * Draws a small triangle on the axis for each message that `messages` gives. `onMoment` is told where the
 * cursor is, in Unix seconds; undefined when it is not over the chart.
 */
export function ticksPlugin(
  messages: () => readonly Message[],
  onMoment: (at_s: number | undefined) => void,
): uPlot.Plugin {
  return {
    hooks: {
      setCursor: (plot: uPlot) => {
        const { left = -1 } = plot.cursor;
        // most charts have nothing to say
        onMoment(left < 0 || messages().length === 0 ? undefined : plot.posToVal(left, "x"));
      },
      draw: ({ ctx, bbox, valToPos }: uPlot) => {
        const size = TICK_PX * (globalThis.devicePixelRatio || 1);
        const bottom = bbox.top + bbox.height;
        ctx.save();
        ctx.fillStyle = colour("critical");
        for (const { at } of messages()) {
          const x = valToPos(at, "x", true);
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          ctx.beginPath();
          ctx.moveTo(x - size, bottom);
          ctx.lineTo(x + size, bottom);
          ctx.lineTo(x, bottom - size * 1.6);
          ctx.fill();
        }
        ctx.restore();
      },
    },
  };
}

export function Said({ message }: { message: Message | undefined }) {
  if (message === undefined) return null;
  return (
    <p class="said" role="status">
      <bdi>{message.message}</bdi>
    </p>
  );
}
