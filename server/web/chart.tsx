/**
 * One chart. All charts of a page share one cursor; dragging zooms the whole page into that time,
 * double-click goes back.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { align, type AlignedData, type ChartPlan, stack, valueRange } from "./chart_data.ts";
import type { Marks } from "./chart_marks.ts";
import { marksPlugin } from "./draw_marks.ts";
import { type Message, messageAt } from "./chart_messages.ts";
import { Said, ticksPlugin } from "./chart_ticks.tsx";
import { valueText } from "./format.ts";
import { now_s } from "./live.ts";
import type { Span } from "./range.ts";
import { followWidth, type Sight, useSight } from "./sight.ts";
import { TEXT } from "./text.ts";
import { colour, dark } from "./theme.ts";

const COLOURS = 8;
const SYNC = uPlot.sync("page");

export interface ChartProps {
  plan: ChartPlan;
  step_s: number;
  span: Span;
  onZoom: (span: Span) => void;
  onReset: () => void;
  /** Incidents, downtimes and thresholds. */
  marks?: Marks;
  /** What was said about these metrics. */
  messages?: readonly Message[];
  /** Where a rule about a metric is made; without it nobody may make one. */
  ruleLink?: (metric: string) => string;
}

const NO_MESSAGES: readonly Message[] = [];

interface PlotPlace extends Sight<HTMLDivElement> {
  isolated: string | undefined;
  data: AlignedData;
  setAt: (index: number | undefined) => void;
  setMoment: (at_s: number | undefined) => void;
}

/** The drawing itself, which is there as long as it is in sight. */
function usePlot(props: ChartProps, drawn: PlotPlace): void {
  const { plan, span, marks, messages } = props;
  const { place, is_seen, width_px, isolated, data, setAt, setMoment } = drawn;
  const plot = useRef<uPlot | undefined>(undefined);
  const zoom = useRef<Shown>(props);
  zoom.current = props;
  const drawn_alone = useRef<string | undefined>(undefined);
  const aligned = useMemo(() => plotData(data, plan), [data, plan.stacked]);
  const is_banded = data.band !== undefined;
  const names = plan.lines.map(({ name }) => name);

  useEffect(() => {
    // what nobody sees has no canvas: each is a megabyte where pixels are small
    if (place.current === null || !is_seen) return;
    const made = new uPlot(
      optionsOf(plan, Math.floor(width_px.current), {
        ...{ zoom, setAt, setMoment, is_banded, isolated },
      }),
      aligned,
      place.current,
    );
    plot.current = made;
    const unfollow = followWidth(place.current, (width_px) => {
      const width = Math.floor(width_px);
      if (width > 0 && width !== made.width) made.setSize({ width, height: plotPx(plan) });
    });
    return () => {
      unfollow();
      made.destroy();
      plot.current = undefined;
    };
  }, [is_seen, dark.value, plan.key, names.join("\n"), is_banded]);

  useEffect(() => plot.current?.setData(aligned), [aligned, span, marks, messages]);

  useEffect(() => {
    // a new plot begins with it
    if (drawn_alone.current === isolated) return;
    drawn_alone.current = isolated;
    names.forEach((name, i) => plot.current?.setSeries(i + 1, { show: isShown(name, isolated) }));
  }, [isolated]);
}

export function Chart(props: ChartProps) {
  const { plan, step_s, span, messages = NO_MESSAGES, ruleLink } = props;
  const sight = useSight<HTMLDivElement>();
  const [isolated, setIsolated] = useState<string | undefined>(undefined);
  const [at, setAt] = useState<number | undefined>(undefined);
  const [moment_s, setMoment] = useState<number | undefined>(undefined);
  const names = plan.lines.map(({ name }) => name);
  // the line that is shown alone, or the first
  const shown = plan.lines.find(({ name }) => name === isolated) ?? plan.lines[0];
  const data = useMemo(() => align(plan.lines, step_s), [plan.lines, step_s]);
  usePlot(props, { ...sight, isolated, data, setAt, setMoment });
  const text = (line: number, index: number | undefined) => {
    const values = data.lines[line] ?? [];
    const value = index === undefined ? values.findLast((one) => one !== null) : values[index];
    return valueText(value, plan.unit, plan.per_second);
  };
  return (
    <section class="chart" aria-label={plan.title}>
      <header>
        <h3 title={plan.title}>
          <bdi>{plan.title}</bdi>
        </h3>
        {ruleLink !== undefined && shown !== undefined && (
          <a class="act" href={ruleLink(shown.series.metric)} title={TEXT.alerts.rules.of_chart}>
            {TEXT.alerts.rules.of_chart_short}
          </a>
        )}
        {names.length === 1 && <span class="now">{text(0, at)}</span>}
      </header>
      <div
        class="plot"
        style={{ height: `${plotPx(plan)}px` }}
        ref={sight.place}
        role="img"
        aria-label={`${plan.title}: ${summary(plan, text)}`}
      />
      <Said message={messageAt(messages, moment_s, span)} />
      {names.length > 1 && (
        <Legend
          names={names}
          isolated={isolated}
          onChoose={(name) => setIsolated(isolated === name ? undefined : name)}
          text={(line) => text(line, at)}
        />
      )}
    </section>
  );
}

interface LegendProps {
  names: readonly string[];
  isolated: string | undefined;
  onChoose: (name: string) => void;
  text: (line: number) => string;
}

/** Which colour is what, and its value; a click shows one line alone. */
function Legend({ names, isolated, onChoose, text }: LegendProps) {
  return (
    <div class="legend">
      {names.map((name, i) => (
        <button
          type="button"
          key={name}
          aria-pressed={isolated === undefined || isolated === name}
          title="Show only this one"
          onClick={() => onChoose(name)}
        >
          <i style={{ background: `var(--s${i % COLOURS + 1})` }} />
          <bdi>{name}</bdi> {text(i)}
        </button>
      ))}
    </div>
  );
}

/** A chart with a legend of one row is as high as one without. */
function plotPx(plan: ChartPlan): number {
  return plan.lines.length > 1 ? 150 : 174;
}

/** 1, 2, 4, … 512 of each unit. */
const BYTE_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);
const DAY_S = 86_400;

/** Hours and minutes, as the reader writes them; a date where a day begins. */
function tickText(at_s: number, step_s: number): string {
  const at = new Date(at_s * 1000);
  const is_day = step_s >= DAY_S || at.getHours() + at.getMinutes() + at.getSeconds() === 0;
  if (is_day) return at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const seconds = step_s < 60 ? { second: "2-digit" as const } : {};
  return at.toLocaleTimeString(undefined, {
    ...{ hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    ...seconds,
  });
}

/** For those who do not see the chart: the newest value of each line. */
function summary(plan: ChartPlan, text: (line: number, index: undefined) => string): string {
  return plan.lines.slice(0, 8).map(({ name }, i) => `${name} ${text(i, undefined)}`).join(", ");
}

function plotData(data: AlignedData, plan: ChartPlan): uPlot.AlignedData {
  const lines = plan.stacked ? stack(data.lines) : data.lines;
  const band = data.band === undefined ? [] : [data.band.low, data.band.high];
  return [data.t, ...lines, ...band];
}

/** What is shown, and what a drawn chart looks at whenever it needs it. */
type Shown = Pick<ChartProps, "onZoom" | "onReset" | "span" | "marks" | "messages">;

interface Handles {
  zoom: { current: Shown };
  setAt: (index: number | undefined) => void;
  setMoment: (at_s: number | undefined) => void;
  is_banded: boolean;
  isolated: string | undefined;
}

function isShown(name: string, isolated: string | undefined): boolean {
  return isolated === undefined || isolated === name;
}

function axesOf(plan: ChartPlan): uPlot.Axis[] {
  const axis = {
    stroke: colour("soft"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...axis,
      size: 24,
      space: 64,
      values: (_, ticks, _axis, _space, step_s) => ticks.map((at_s) => tickText(at_s, step_s)),
    },
    {
      ...axis,
      size: 60,
      space: 28,
      incrs: plan.unit === "B" ? BYTE_STEPS : undefined,
      values: (_, ticks) => ticks.map((tick) => valueText(tick, plan.unit, plan.per_second)),
    },
  ];
}

function optionsOf(plan: ChartPlan, width: number, handles: Handles): uPlot.Options {
  const { zoom, setAt, is_banded, isolated } = handles;
  const line = (i: number): uPlot.Series => {
    const stroke = colour(`s${i % COLOURS + 1}`);
    const label = plan.lines[i]?.name ?? "";
    return {
      label,
      show: isShown(label, isolated),
      stroke,
      width: 1.25,
      fill: plan.stacked ? `${stroke}55` : undefined,
      points: { show: false },
    };
  };
  const edge: uPlot.Series = { show: true, width: 0, points: { show: false } };
  const lines = plan.lines.map((_, i) => line(i));
  return {
    width: Math.max(width, 100),
    height: plotPx(plan),
    padding: [8, 18, 0, 0],
    legend: { show: false },
    plugins: [
      marksPlugin(() => zoom.current.marks, () => now_s.peek()),
      ticksPlugin(() => zoom.current.messages ?? NO_MESSAGES, handles.setMoment),
    ],
    cursor: {
      y: false,
      sync: { key: SYNC.key, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          zoom.current.onReset();
          return null;
        },
      },
    },
    scales: {
      x: { range: () => [zoom.current.span.from_s, zoom.current.span.to_s] },
      y: { range: (_, low, high) => valueRange(low, high, plan.per_second ? null : plan.unit) },
    },
    axes: axesOf(plan),
    series: [{}, ...lines, ...is_banded ? [edge, edge] : []],
    bands: is_banded
      ? [{ series: [lines.length + 2, lines.length + 1], fill: `${colour("s1")}26` }]
      : plan.stacked
      ? lines.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] }))
      : [],
    hooks: {
      setCursor: [({ cursor: { idx } }) => setAt(idx ?? undefined)],
      setSelect: [(made) => {
        const { left, width: wide } = made.select;
        if (wide < 4) return;
        const [from_s, to_s] = [made.posToVal(left, "x"), made.posToVal(left + wide, "x")];
        made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        zoom.current.onZoom({ from_s, to_s });
      }],
    },
  };
}
