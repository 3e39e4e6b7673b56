/** The timeline: every row on one axis, in step with the player; a slider for the keyboard, a map for the pointer. */

import { fill, h, s } from "./dom";
import type { Playhead } from "./playhead";
import { leading, strength, type Span, type Timeline } from "./report";
import { MAX_ROWS, moment, type Point, type Row, rowsOf } from "./rows";
import { clock, number, say, signed } from "./texts";

const LABEL_PX = 19;
const PLOT_PX = { llr: 56, logit: 30, none: 12 } as const;
const GAP_PX = 9;
const AXIS_PX = 22;
const CELL_PX = 5;
/** Values that would stand closer than this are drawn as one: their mean, and a line from the lowest to the highest. */
const FULL_BAR = Math.log(100);
const MAX_ZOOM = 64;
const TICK_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const TICK_PX = 84;
const PAGE_SHARE = 0.1;
const SPOKEN_MILLISECONDS = 1000;
/** While it plays a reader who listens to the page wants to hear the recording. */

/** Build it. */
export function strip(timeline: Timeline, playhead: Playhead, signal: AbortSignal): HTMLElement {
  const made = new Strip(timeline, playhead);
  const observer = new ResizeObserver(() => {
    made.draw();
  });
  observer.observe(made.scroller);
  signal.addEventListener("abort", () => {
    observer.disconnect();
  });
  playhead.addEventListener("move", () => {
    made.move();
  }, { signal });
  return made.element;
}

class Strip {
  readonly element: HTMLElement;
  readonly scroller: HTMLElement;
  private readonly labels = h("div", { class: "strip-labels", "aria-hidden": "true" });
  private readonly canvas = h("div", { class: "strip-canvas" });
  private readonly cursor = h("div", { class: "strip-cursor" });
  private readonly zoomLevel = h("span", { class: "quiet small" });
  private zoom = 1;
  private all = false;
  private width = 0;
  private told = -Infinity;

  constructor(
    private readonly timeline: Timeline,
    private readonly playhead: Playhead,
  ) {
    const slider = h(
      "div",
      {
        class: "strip-slider",
        role: "slider",
        tabindex: 0,
        "aria-label": say("timeline.slider"),
        "aria-valuemin": playhead.start,
        "aria-valuemax": playhead.end,
        "aria-describedby": "strip-keys",
      },
      this.canvas,
      this.cursor,
    );
    this.scroller = h("div", { class: "strip-scroller" }, slider);
    slider.addEventListener("keydown", (event) => {
      this.key(event);
    });
    this.point(slider);
    const more = Math.max(timeline.tracks.length, timeline.voices.length) > MAX_ROWS;
    this.element = h(
      "div",
      { class: "strip" },
      h("div", { class: "strip-tools" }, this.button("timeline.closer", 2), this.button("timeline.farther", 0.5), this.zoomLevel, more ? this.everything() : null),
      h("div", { class: "strip-frame" }, this.labels, this.scroller),
      h("p", { class: "small quiet", id: "strip-keys" }, say("timeline.keys")),
    );
  }

  /** Draw everything anew, for the width there is. */
  draw(): void {
    const width = Math.max(200, Math.floor(this.scroller.clientWidth * this.zoom));
    if (this.scroller.clientWidth === 0) {
      return;
    }
    this.width = width;
    const rows = rowsOf(this.timeline, this.playhead.end, this.all);
    const height = rows.reduce((sum, row) => sum + LABEL_PX + PLOT_PX[row.scale] + GAP_PX, AXIS_PX);
    const picture = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, patterns(), this.axis(height));
    fill(this.labels);
    let top = AXIS_PX;
    const full = Math.max(FULL_BAR, ...rows.flatMap((row) => (row.scale === "llr" ? row.points.map((point) => Math.abs(point.value)) : [])));
    for (const row of rows) {
      const label = h("div", { class: "strip-label" }, h("span", null, row.flags.length > 0 ? "▲ " : "", row.name), h("span", { class: "quiet" }, row.about));
      label.style.top = `${top}px`;
      this.labels.append(label);
      picture.append(this.row(row, top + LABEL_PX, PLOT_PX[row.scale], full));
      top += LABEL_PX + PLOT_PX[row.scale] + GAP_PX;
    }
    this.canvas.style.width = `${width}px`;
    fill(this.canvas, picture);
    this.zoomLevel.textContent = this.zoom === 1 ? "" : say("timeline.zoom", { times: this.zoom });
    this.move();
  }

  /** Put the cursor where the playhead is. */
  move(): void {
    const time = this.playhead.time;
    const x = this.x(time);
    this.cursor.style.transform = `translateX(${x}px)`;
    const now = performance.now();
    if (!this.playhead.playing || now - this.told > SPOKEN_MILLISECONDS) {
      this.told = now;
      const slider = this.scroller.firstElementChild;
      slider?.setAttribute("aria-valuenow", time.toFixed(2));
      slider?.setAttribute("aria-valuetext", spoken(this.timeline, time));
    }
    const { scrollLeft, clientWidth } = this.scroller;
    if (this.zoom > 1 && (x < scrollLeft || x > scrollLeft + clientWidth * 0.95)) {
      this.scroller.scrollLeft = x - clientWidth * 0.1;
    }
  }

  private x(time: number): number {
    const { start, end } = this.playhead;
    return ((time - start) / Math.max(end - start, 1e-6)) * this.width;
  }

  private time(x: number): number {
    const { start, end } = this.playhead;
    return start + (x / Math.max(this.width, 1)) * (end - start);
  }

  private key(event: KeyboardEvent): void {
    const { playhead } = this;
    const flagged = this.timeline.segments.filter((segment) => segment.flagged).map((segment) => segment.span[0]);
    const length = playhead.end - playhead.start;
    const targets: Readonly<Record<string, () => number | undefined>> = {
      ArrowRight: () => playhead.time + (event.shiftKey ? 0.1 : 1),
      ArrowLeft: () => playhead.time - (event.shiftKey ? 0.1 : 1),
      ArrowUp: () => playhead.time + 1,
      ArrowDown: () => playhead.time - 1,
      PageUp: () => playhead.time + length * PAGE_SHARE,
      PageDown: () => playhead.time - length * PAGE_SHARE,
      Home: () => playhead.start,
      End: () => playhead.end,
      n: () => flagged.find((start) => start > playhead.time + 0.05),
      p: () => flagged.filter((start) => start < playhead.time - 0.05).at(-1),
    };
    const target = event.ctrlKey || event.metaKey || event.altKey ? undefined : targets[event.key];
    if (target !== undefined) {
      event.preventDefault();
      const time = target();
      if (time !== undefined) {
        playhead.seek(time);
      }
    } else if (event.key === " ") {
      event.preventDefault();
      playhead.toggle();
    }
  }

  private point(slider: HTMLElement): void {
    const seek = (event: PointerEvent): void => {
      this.playhead.seek(this.time(event.clientX - slider.getBoundingClientRect().left));
    };
    slider.addEventListener("pointerdown", (event) => {
      if (event.button === 0) {
        seek(event);
        if (event.pointerType === "mouse") {
          slider.setPointerCapture(event.pointerId); // a finger scrolls, a mouse drags
        }
      }
    });
    slider.addEventListener("pointermove", (event) => {
      if (slider.hasPointerCapture(event.pointerId)) {
        seek(event);
      }
    });
  }

  private button(text: string, times: number): HTMLElement {
    const made = h("button", { type: "button" }, say(text));
    made.addEventListener("click", () => {
      this.zoom = Math.min(MAX_ZOOM, Math.max(1, this.zoom * times));
      this.draw();
      this.scroller.scrollLeft = this.x(this.playhead.time) - this.scroller.clientWidth / 2;
    });
    return made;
  }

  private everything(): HTMLElement {
    const made = h("button", { type: "button", "aria-pressed": "false" }, say("timeline.all_rows"));
    made.addEventListener("click", () => {
      this.all = !this.all;
      made.setAttribute("aria-pressed", String(this.all));
      this.draw();
    });
    return made;
  }

  private axis(height: number): SVGElement {
    const { start, end } = this.playhead;
    const wanted = ((end - start) * TICK_PX) / this.width;
    const step = TICK_STEPS.find((value) => value >= wanted) ?? Math.ceil(wanted / 3600) * 3600;
    const group = s("g", { class: "strip-axis" });
    for (let index = Math.ceil(start / step - 1e-9); index * step <= end + 1e-9; index += 1) {
      const x = this.x(index * step);
      const anchor = x < 20 ? "start" : x > this.width - 20 ? "end" : "middle";
      group.append(
        s("line", { x1: x, x2: x, y1: AXIS_PX - 5, y2: height, class: "grid" }),
        s("text", { x, y: 12, "text-anchor": anchor, class: "axis-label" }, clock(index * step, step < 1 ? 1 : 0)),
      );
    }
    return group;
  }

  private row(row: Row, top: number, height: number, full: number): SVGElement {
    const group = s("g", { transform: `translate(0 ${top})` });
    const box = ([from, to]: Span, y: number, tall: number, least = 1.5): string => {
      const x = this.x(from);
      return `M${x.toFixed(1)} ${y.toFixed(1)}h${Math.max(least, this.x(to) - x - 0.5).toFixed(1)}v${tall.toFixed(1)}H${x.toFixed(1)}z`;
    };
    const paths = (spans: readonly Span[], kind: string, y: number, tall: number): SVGElement | null =>
      spans.length === 0 ? null : s("path", { class: kind, d: spans.map((span) => box(span, y, tall)).join("") });
    const thin = row.scale === "none";
    const parts = [
      paths(row.bands, "band", thin ? 0 : height / 2 - 3, thin ? height : 6),
      thin ? null : s("line", { x1: 0, x2: this.width, y1: height / 2, y2: height / 2, class: "zero" }),
      paths(row.gaps, "gap", thin ? 0 : height / 2 - 5, thin ? height : 10),
      row.ticks.length === 0 ? null : s("path", { class: "tick", d: this.ticks(row.ticks, height) }),
    ];
    for (const part of parts) {
      if (part !== null) {
        group.append(part);
      }
    }
    group.append(this.bars(row, height, full));
    const { flag_llr: flag } = this.timeline;
    if (row.scale === "llr" && flag !== null && flag > 0 && flag < full) {
      const y = height / 2 - (flag / full) * (height / 2);
      group.append(s("line", { x1: 0, x2: this.width, y1: y, y2: y, class: "threshold" }));
    }
    for (const [from, to] of row.points.length > 0 && row.scale === "llr" ? row.flags : []) {
      const x = this.x((from + to) / 2);
      group.append(s("path", { class: "flag", d: `M${x} -1l4 -7h-8z` }));
    }
    return group;
  }

  private ticks(times: readonly number[], height: number): string {
    const drawn = new Set(times.map((time) => Math.round(this.x(time) / 2) * 2));
    return [...drawn].map((x) => `M${x} 0v${height}`).join("");
  }

  /** Bars of a row: one path a class and its pattern, however many there are. */
  private bars(row: Row, height: number, full: number): SVGElement {
    const group = s("g");
    const values = row.points.map((point) => point.value);
    const low = Math.min(...values);
    const spread = Math.max(Math.max(...values) - low, 1e-6);
    const middle = height / 2;
    const level = (value: number): number =>
      row.scale === "llr" ? middle - Math.max(-1, Math.min(1, value / full)) * middle : height - 2 - ((value - low) / spread) * (height - 4);
    const ground = row.scale === "llr" ? middle : height;
    const kinds = new Map<string, string>();
    let reach = "";
    for (const cell of cells(row.points, (time) => this.x(time))) {
      const y = level(cell.mean);
      const top = Math.min(y, ground);
      const tall = Math.max(1.5, Math.abs(y - ground));
      const kind = row.scale === "llr" ? strength(cell.mean) : "logit";
      const d = `M${cell.from.toFixed(1)} ${top.toFixed(1)}h${Math.max(1.5, cell.to - cell.from - 1).toFixed(1)}v${tall.toFixed(1)}h-${Math.max(1.5, cell.to - cell.from - 1).toFixed(1)}z`;
      kinds.set(kind, (kinds.get(kind) ?? "") + d);
      if (cell.count > 1) {
        const x = (cell.from + cell.to) / 2;
        reach += `M${x.toFixed(1)} ${level(cell.low).toFixed(1)}V${level(cell.high).toFixed(1)}`;
      }
    }
    for (const [kind, d] of kinds) {
      group.append(s("path", { class: `${kind} mark`, d }), s("path", { class: `pattern pattern-${kind.split("-")[0] ?? ""}`, d }));
    }
    if (reach !== "") {
      group.append(s("path", { class: "reach", d: reach }));
    }
    return group;
  }
}

interface Cell {
  readonly from: number;
  readonly to: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Points as they are drawn: those that would stand too close together as one. */
function cells(points: readonly Point[], x: (time: number) => number): Cell[] {
  const made: Cell[] = [];
  let group: Point[] = [];
  let begin = 0;
  const close = (): void => {
    const last = group.at(-1);
    if (last !== undefined) {
      const values = group.map((point) => point.value);
      made.push({
        from: begin,
        to: Math.max(x(last.span[1]), begin + 1.5),
        mean: values.reduce((sum, value) => sum + value, 0) / values.length,
        low: Math.min(...values),
        high: Math.max(...values),
        count: values.length,
      });
    }
    group = [];
  };
  for (const point of points) {
    if (group.length > 0 && x(point.span[1]) - begin > CELL_PX) {
      close();
    }
    if (group.length === 0) {
      begin = x(point.span[0]);
    }
    group.push(point);
  }
  close();
  return made;
}

function spoken(timeline: Timeline, time: number): string {
  const entries = moment(timeline, time).map(({ name, value, scale }) =>
    value === null ? say("timeline.spoken_none", { name }) : scale === "llr" ? say("timeline.spoken_llr", { name, value: signed(value) }) : say("timeline.spoken_logit", { name, value: number(value, 1) }),
  );
  return [clock(time), ...entries].join(", ");
}

/** Stripes for what supports manipulation, dots for what supports the contrary, hatching for what is missing. */
function patterns(): SVGElement {
  return s(
    "defs",
    null,
    s("pattern", { id: "stripes", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { width: 1.6, height: 5, class: "pattern-line" })),
    s("pattern", { id: "dots", width: 5, height: 5, patternUnits: "userSpaceOnUse" }, s("circle", { cx: 2, cy: 2, r: 1, class: "pattern-line" })),
    s(
      "pattern",
      { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(-45)" },
      s("rect", { width: 6, height: 6, class: "hatch-ground" }),
      s("rect", { width: 2, height: 6, class: "hatch-line" }),
    ),
  );
}

/** What the colours and patterns mean. */
export function legend(timeline: Timeline): HTMLElement {
  const raw = [...timeline.tracks, ...timeline.voices].some((entry) => leading(entry.scores)?.scale === "logit");
  const entry = (kind: string, text: string): HTMLElement =>
    h(
      "li",
      null,
      s("svg", { width: 22, height: 12, "aria-hidden": "true" }, s("rect", { width: 22, height: 12, class: kind }), s("rect", { width: 22, height: 12, class: `pattern pattern-${kind.split("-")[0] ?? ""}` })),
      " ",
      say(text),
    );
  return h(
    "ul",
    { class: "legend" },
    entry("for-2", "timeline.legend_for"),
    entry("against-2", "timeline.legend_against"),
    entry("neutral", "timeline.legend_neutral"),
    raw ? entry("logit", "timeline.legend_logit") : null,
    entry("gap", "timeline.legend_gap"),
    entry("band", "timeline.legend_span"),
    h("li", null, "▲ ", say("timeline.legend_flag")),
  );
}
