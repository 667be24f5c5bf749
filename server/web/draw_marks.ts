/** Draws incidents, downtimes and thresholds into a chart: spans below its data, thresholds above it. */
import uPlot from "uplot";
import type { Marks, MarkSpan, Threshold } from "./chart_marks.ts";
import { colour } from "./theme.ts";

const HATCH_PX = 8;
/** Names beside each other would be unreadable. */
const NAMES_MAX = 4;

function drawSpans({ ctx, bbox, valToPos }: uPlot, spans: readonly MarkSpan[], now_s: number) {
  const { left, top, width, height } = bbox;
  for (const { from_s, to_s, kind } of spans) {
    const begin = Math.max(left, valToPos(from_s, "x", true));
    const end = Math.min(left + width, valToPos(to_s ?? now_s, "x", true));
    if (end <= left || begin >= left + width) continue;
    // a short one is seen, too
    const wide = Math.max(2, end - begin);
    ctx.save();
    ctx.beginPath();
    ctx.rect(begin, top, wide, height);
    ctx.clip();
    if (kind === "downtime") {
      ctx.strokeStyle = colour("downtime");
      ctx.globalAlpha = 0.35;
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (let x = begin - height - (begin % HATCH_PX); x < begin + wide; x += HATCH_PX) {
        ctx.moveTo(x, top + height);
        ctx.lineTo(x + height, top);
      }
      ctx.stroke();
    } else {
      ctx.fillStyle = colour(kind);
      ctx.globalAlpha = 0.12;
      ctx.fillRect(begin, top, wide, height);
      ctx.globalAlpha = 0.8;
      ctx.fillRect(begin, top, 2, height);
    }
    ctx.restore();
  }
}

function drawThresholds({ ctx, bbox, valToPos, scales }: uPlot, thresholds: readonly Threshold[]) {
  const { left, top, width, height } = bbox;
  const pixel = globalThis.devicePixelRatio || 1;
  const [low = 0, high = 0] = [scales.y?.min ?? 0, scales.y?.max ?? 0];
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = `${11 * pixel}px system-ui, sans-serif`;
  // axes leave their own
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.lineWidth = pixel;
  ctx.setLineDash([5 * pixel, 4 * pixel]);
  thresholds.filter(({ value }) => value >= low && value <= high).forEach((one, at) => {
    const y = Math.round(valToPos(one.value, "y", true));
    ctx.strokeStyle = ctx.fillStyle = colour(one.severity);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    const below = y - top < 14 * pixel;
    if (at < NAMES_MAX) ctx.fillText(one.name, left + 4 * pixel, y + (below ? 12 : -4) * pixel);
  });
  ctx.restore();
}

/** Spans lie below the data, thresholds above it. `marks` is looked at with every drawing. */
export function marksPlugin(marks: () => Marks | undefined, now: () => number): uPlot.Plugin {
  return {
    hooks: {
      drawClear: (plot) => drawSpans(plot, marks()?.spans ?? [], now()),
      draw: (plot) => drawThresholds(plot, marks()?.thresholds ?? []),
    },
  };
}
