/** What the timeline shows, row by row: passages, faces, voices, and what is missing. */

import { leading, type Scores, type Span, type Timeline } from "./report";
import { clock, number, say, signed, word } from "./texts";
import { marksAt } from "./veil";

export interface Point {
  readonly span: Span;
  readonly value: number;
}

export interface Row {
  readonly name: string;
  readonly about: string;
  readonly scale: "llr" | "logit" | "none";
  /** Where there is a face, speech, or a stretch that is named. */
  readonly bands: readonly Span[];
  /** Lost, or not scored. */
  readonly gaps: readonly Span[];
  readonly points: readonly Point[];
  readonly flags: readonly Span[];
  /** Moments: pictures that were sampled. */
  readonly ticks: readonly number[];
}

const EMPTY = { bands: [], gaps: [], points: [], flags: [], ticks: [] } as const;
export const MAX_ROWS = 12;
/** Faces, and voices, that are drawn before a reader asks for all: they fill one screen. */
const LONE_SECONDS = 0.5;

/** From the top; `all` also those of faces beyond the first `MAX_ROWS`. */
export function rowsOf(timeline: Timeline, end: number, all: boolean): Row[] {
  return [...segmentRows(timeline), ...trackRows(timeline, all), ...voiceRows(timeline, all), ...sampledRows(timeline), ...missingRows(timeline, end)];
}

function segmentRows(timeline: Timeline): Row[] {
  return (["face", "voice"] as const).flatMap((modality) => {
    const segments = timeline.segments.filter((segment) => segment.modality === modality);
    if (segments.length === 0) {
      return [];
    }
    const points = segments.flatMap((segment) => (segment.llr === null ? [] : [{ span: segment.span, value: segment.llr }]));
    const scored = points.length > 0;
    return [
      {
        ...EMPTY,
        name: say(`timeline.segments_${modality}`),
        about: scored ? highest(points) : say("timeline.no_llr"),
        scale: scored ? "llr" : "none",
        points,
        bands: scored ? [] : segments.map((segment) => segment.span),
        flags: segments.filter((segment) => segment.flagged).map((segment) => segment.span),
      } satisfies Row,
    ];
  });
}

function trackRows(timeline: Timeline, all: boolean): Row[] {
  const tracks = all ? timeline.tracks : strongest(timeline.tracks);
  return tracks.map((track) => {
    const column = leading(track.scores);
    const spans = around(track.times);
    const points = pointsOf(column, spans);
    const gaps = column === null ? [track.span] : spans.filter((_span, index) => (column.values[index] ?? null) === null);
    return { ...EMPTY, name: track.id, about: overall(column), scale: column?.scale ?? "none", bands: [track.span], gaps, points, flags: track.flagged ? [track.span] : [] };
  });
}

function voiceRows(timeline: Timeline, all: boolean): Row[] {
  const voices = all ? timeline.voices : strongest(timeline.voices);
  return voices.map((voice) => {
    const column = leading(voice.scores);
    const points = pointsOf(column, voice.windows);
    const bands = voice.utterances.map((utterance) => utterance.span);
    const gaps = column === null ? bands : voice.windows.filter((_span, index) => (column.values[index] ?? null) === null);
    return { ...EMPTY, name: voice.id, about: overall(column), scale: column?.scale ?? "none", bands, gaps, points };
  });
}

function sampledRows(timeline: Timeline): Row[] {
  return timeline.streams
    .filter((stream) => stream.sampled.length > 0)
    .map((stream) => ({
      ...EMPTY,
      name: say("timeline.sampled", { stream: stream.index }),
      about: say("timeline.sampled_value", { count: stream.sampled.length }),
      scale: "none",
      ticks: stream.sampled,
    }));
}

function missingRows(timeline: Timeline, end: number): Row[] {
  const lost = timeline.defects.flatMap((defect) => (defect.span === null ? [] : [defect.span]));
  const left = timeline.abstentions.flatMap((entry) => (entry.span === null ? [] : [entry.span]));
  const made = (text: string, gaps: readonly Span[]): Row[] =>
    gaps.length === 0 ? [] : [{ ...EMPTY, name: say(text), about: say("timeline.places", { count: gaps.length }), scale: "none", gaps: gaps.map(([from, to]) => [from, Math.min(Math.max(to, from), end)]) }];
  return [...made("timeline.defects", lost), ...made("timeline.abstentions", left)];
}

/** The subjects with the highest results, in their own order. */
function strongest<T extends { readonly scores: readonly Scores[] }>(subjects: readonly T[]): T[] {
  const ranked = [...subjects].sort((a, b) => rank(b) - rank(a)).slice(0, MAX_ROWS);
  return subjects.filter((subject) => ranked.includes(subject));
}

function rank(subject: { readonly scores: readonly Scores[] }): number {
  return leading(subject.scores)?.overall ?? -Infinity;
}

/** Each sample stands for the time up to half way to its neighbours. */
function around(times: readonly number[]): Span[] {
  return times.map((time, index) => {
    const before = times[index - 1];
    const after = times[index + 1];
    const step = after !== undefined ? after - time : before !== undefined ? time - before : LONE_SECONDS;
    return [before === undefined ? time - step / 2 : (before + time) / 2, after === undefined ? time + step / 2 : (after + time) / 2];
  });
}

function pointsOf(column: Scores | null, spans: readonly Span[]): Point[] {
  return spans.flatMap((span, index) => {
    const value = column?.values[index] ?? null;
    return value === null ? [] : [{ span, value }];
  });
}

function overall(column: Scores | null): string {
  if (column === null || column.overall === null) {
    return say("timeline.value_none");
  }
  return column.scale === "llr" ? say("timeline.value_llr", { value: signed(column.overall) }) : say("timeline.value_logit", { value: number(column.overall, 2) });
}

function highest(points: readonly Point[]): string {
  const top = points.reduce((a, b) => (b.value > a.value ? b : a));
  return say("timeline.highest", { value: signed(top.value), at: clock(top.span[0]) });
}

/** What is to be said of one moment: each subject that is there, and its value. */
export function moment(timeline: Timeline, time: number): { readonly name: string; readonly value: number | null; readonly scale: "llr" | "logit"; readonly why: string | null }[] {
  const entries = [];
  for (const { track, index } of marksAt(timeline.tracks, time)) {
    const column = leading(track.scores);
    const reason = track.not_scored[index] ?? null;
    entries.push({ name: track.id, value: column?.values[index] ?? null, scale: column?.scale ?? "logit", why: reason === null ? null : word("reason", reason) });
  }
  for (const voice of timeline.voices) {
    const column = leading(voice.scores);
    const here = voice.windows.flatMap(([from, to], index) => (from <= time && time < to ? [column?.values[index] ?? null] : []));
    const known = here.filter((value) => value !== null);
    if (voice.utterances.some(({ span: [from, to] }) => from <= time && time < to)) {
      entries.push({ name: voice.id, value: known.length === 0 ? null : Math.max(...known), scale: column?.scale ?? "logit", why: null });
    }
  }
  return entries;
}
