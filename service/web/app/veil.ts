/** Pictures drawn with what was found on them: faces made unrecognisable until a reader decides to look, and boxes. */

import { signed } from "./texts";
import { leading, strength, type Track } from "./report";

type Box = readonly [number, number, number, number];

const REACH = 0.35;
/** A box is grown by so much of its size on each side: hair and chin make a person recognisable, too. */
const CELLS = 7;
/** A veiled face is as many cells wide and high: ten and fewer show no identity (the report blurs as strongly). */
const LAG_SECONDS = 0.6;
/** A face is veiled so long before its first and after its last sample, unless samples stand closer together. */

export interface Mark {
  readonly track: Track;
  readonly box: Box;
  readonly index: number;
}

/** Where the faces are at a time, in pixels of the upright frame. */
export function marksAt(tracks: readonly Track[], time: number): Mark[] {
  return tracks.flatMap((track) => {
    const { times, boxes } = track;
    const first = times[0];
    const last = times.at(-1);
    if (first === undefined || last === undefined) {
      return [];
    }
    const lag = times.length > 1 ? Math.max(LAG_SECONDS, (last - first) / (times.length - 1)) : LAG_SECONDS;
    if (time < first - lag || time > last + lag) {
      return [];
    }
    const index = before(times, time);
    const here = boxes[index] as Box;
    const next = boxes[index + 1];
    const from = times[index] as number;
    const to = times[index + 1];
    if (next === undefined || to === undefined || time <= from) {
      return [{ track, box: here, index }];
    }
    const share = (time - from) / (to - from);
    const box = here.map((edge, side) => edge + ((next[side] as number) - edge) * share) as unknown as Box;
    return [{ track, box, index: share < 0.5 ? index : index + 1 }];
  });
}

/** Index of the last time that is not after `time`; 0 where all are. */
export function before(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((times[middle] as number) <= time) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

const SLACK_SECONDS = 0.25;

/** Where faces may be in the frame that is shown while a recording plays: a slow browser's clock is ahead of it. */
export function marksAbout(tracks: readonly Track[], time: number): Mark[] {
  return [-SLACK_SECONDS, -SLACK_SECONDS / 2, 0, SLACK_SECONDS / 2].flatMap((by) => marksAt(tracks, time + by));
}

export interface Options {
  readonly veiled: boolean;
  readonly boxes: boolean;
}

/**
 * Draw a picture and its marks.
 *
 * @param canvas To draw on; as large as the picture is to be.
 * @param picture A frame of the recording, upright.
 * @param marks To be outlined.
 * @param hidden To be veiled.
 * @param scale Pixels of the canvas for one of the frame in which boxes are given: horizontally and vertically.
 */
export function draw(
  canvas: HTMLCanvasElement,
  picture: CanvasImageSource,
  marks: readonly Mark[],
  hidden: readonly Mark[],
  scale: readonly [number, number],
  options: Options,
): void {
  const context = canvas.getContext("2d");
  if (context === null) {
    return;
  }
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if (options.veiled) {
    for (const mark of hidden) {
      veil(context, canvas, grown(place(mark.box, scale), canvas));
    }
  }
  if (options.boxes) {
    for (const mark of marks) {
      outline(context, canvas, mark, place(mark.box, scale));
    }
  }
}

function place(box: Box, [x, y]: readonly [number, number]): Box {
  return [box[0] * x, box[1] * y, box[2] * x, box[3] * y];
}

function grown([left, top, right, bottom]: Box, canvas: HTMLCanvasElement): Box {
  const x = (right - left) * REACH;
  const y = (bottom - top) * REACH;
  return [Math.max(0, left - x), Math.max(0, top - y), Math.min(canvas.width, right + x), Math.min(canvas.height, bottom + y)];
}

const small = document.createElement("canvas");

function veil(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, [left, top, right, bottom]: Box): void {
  const width = right - left;
  const height = bottom - top;
  const cells = small.getContext("2d");
  if (width < 1 || height < 1 || cells === null) {
    return;
  }
  small.width = CELLS;
  small.height = CELLS;
  // In two steps: a browser that samples single pixels when it shrinks would let some of the face through.
  cells.imageSmoothingQuality = "high";
  cells.drawImage(canvas, left, top, width, height, 0, 0, CELLS, CELLS);
  context.save();
  context.beginPath();
  context.roundRect(left, top, width, height, Math.min(width, height) * 0.3);
  context.clip();
  context.drawImage(small, 0, 0, CELLS, CELLS, left, top, width, height);
  context.restore();
}

function outline(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, mark: Mark, [left, top, right, bottom]: Box): void {
  const column = leading(mark.track.scores);
  const value = column?.values[mark.index] ?? null;
  const kind = column === null || value === null || column.scale !== "llr" ? "logit" : strength(value);
  const unit = canvas.width / 640;
  const label = `${mark.track.id} ${value === null ? "–" : column?.scale === "llr" ? signed(value) : value.toFixed(1)}`;
  context.save();
  context.lineWidth = Math.max(2, 2.5 * unit);
  context.setLineDash(kind.startsWith("for") ? [] : kind.startsWith("against") ? [10 * unit, 5 * unit] : [2 * unit, 4 * unit]);
  context.strokeStyle = "#000";
  context.strokeRect(left - 1, top - 1, right - left + 2, bottom - top + 2);
  context.strokeStyle = kind.startsWith("for") ? "#ffb869" : kind.startsWith("against") ? "#9ccbff" : "#f2f2f2";
  context.strokeRect(left, top, right - left, bottom - top);
  context.setLineDash([]);
  const size = Math.max(11, 13 * unit);
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(label).width + size;
  const x = Math.min(Math.max(0, left), canvas.width - width);
  const y = top > size * 1.6 ? top - size * 1.6 : Math.min(bottom, canvas.height - size * 1.6);
  context.fillStyle = "rgb(0 0 0 / 80%)";
  context.fillRect(x, y, width, size * 1.6);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(label, x + size / 2, y + size * 0.85);
  context.restore();
}
