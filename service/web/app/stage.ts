/** The player. A recording's frames are never shown as they are: each is drawn, with its faces veiled, on a canvas. */

import { announce, fill, h } from "./dom";
import type { Playhead } from "./playhead";
import type { Timeline, Track } from "./report";
import { clock, say } from "./texts";
import { draw, marksAbout, marksAt } from "./veil";

const MAX_WIDTH_PX = 1920;
const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const STEP_SECONDS = 5;

export interface Stage {
  readonly element: HTMLElement;
}

/** Build the player of a job. What this service or this browser cannot play is said in its place. */
export async function stage(job: string, timeline: Timeline, playhead: Playhead, signal: AbortSignal): Promise<Stage> {
  const address = `/v1/jobs/${job}/media?inline=true`;
  const answer = await fetch(address, { method: "HEAD", signal });
  if (!answer.ok) {
    const found = timeline.tracks.length + timeline.voices.length > 0;
    return { element: refused(say(answer.status === 415 ? "player.unsupported" : "player.missing"), found) };
  }
  const box = h("div", { class: "stage" });
  if (timeline.media === "image") {
    fill(box, still(address, timeline));
  } else if (timeline.media === "audio" || !timeline.streams.some((stream) => stream.kind === "video" && stream.width_px !== null)) {
    const sound = h("audio", { src: address, preload: "metadata" });
    fill(box, sound, h("p", { class: "stage-sound" }, say("player.sound_only")), controls(sound, playhead, timeline, null));
    led(box, sound, playhead);
  } else {
    fill(box, moving(box, address, timeline, playhead, signal));
  }
  return { element: box };
}

function refused(sentence: string, found = true): HTMLElement {
  return h("div", { class: "stage stage-refused" }, h("p", null, sentence), found ? h("p", { class: "small" }, say("player.instead")) : null);
}

/** Let a media element lead the playhead, and say so where the browser cannot play it after all. */
function led(box: HTMLElement, media: HTMLMediaElement, playhead: Playhead): void {
  media.addEventListener("error", () => {
    playhead.follow(null);
    box.replaceWith(refused(say("player.browser_cannot")));
    announce(say("player.browser_cannot"));
  });
  playhead.follow(media);
}

/** The tracks of the stream that a browser plays, and how large its frames are. */
function shown(timeline: Timeline): { readonly tracks: readonly Track[]; readonly size: readonly [number, number] | null } {
  const stream = timeline.streams.find((entry) => entry.kind === "video" && entry.width_px !== null);
  const size = stream === undefined || stream.width_px === null || stream.height_px === null ? null : ([stream.width_px, stream.height_px] as const);
  return { tracks: timeline.tracks.filter((track) => track.stream === stream?.index), size };
}

interface Veil {
  veiled: boolean;
  boxes: boolean;
  draw: () => void;
}

function still(address: string, timeline: Timeline): HTMLElement {
  const canvas = h("canvas", { class: "screen", role: "img", "aria-label": say("player.picture", { count: timeline.tracks.length }) });
  const picture = new Image();
  const { tracks, size } = shown(timeline);
  const veil: Veil = { veiled: true, boxes: true, draw: () => undefined };
  picture.addEventListener("load", () => {
    canvas.width = Math.min(picture.naturalWidth, MAX_WIDTH_PX);
    canvas.height = Math.round((picture.naturalHeight * canvas.width) / picture.naturalWidth);
    const [width, height] = size ?? [picture.naturalWidth, picture.naturalHeight];
    veil.draw = () => {
      const marks = tracks.flatMap((track) => track.boxes.slice(0, 1).map((box) => ({ track, box, index: 0 })));
      draw(canvas, picture, marks, marks, [canvas.width / width, canvas.height / height], veil);
    };
    veil.draw();
  });
  picture.src = address;
  return h("div", null, canvas, h("div", { class: "controls" }, toggles(veil)));
}

function moving(box: HTMLElement, address: string, timeline: Timeline, playhead: Playhead, signal: AbortSignal): HTMLElement {
  const video = h("video", { class: "behind", src: address, preload: "auto", playsinline: true, tabindex: -1, "aria-hidden": "true", disablepictureinpicture: true });
  const canvas = h("canvas", { class: "screen", role: "img", "aria-label": say("player.video", { count: timeline.tracks.length }) });
  const { tracks, size } = shown(timeline);
  const veil: Veil = {
    veiled: true,
    boxes: true,
    draw: () => {
      // While it seeks the frame is still the old one, and its faces are elsewhere than the new time says.
      if (video.videoWidth === 0 || video.seeking || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
        return;
      }
      if (canvas.dataset["ready"] === undefined) {
        canvas.width = Math.min(video.videoWidth, MAX_WIDTH_PX);
        canvas.height = Math.round((video.videoHeight * canvas.width) / video.videoWidth);
        canvas.dataset["ready"] = "";
      }
      const [width, height] = size ?? [video.videoWidth, video.videoHeight];
      const marks = marksAt(tracks, video.currentTime);
      const hidden = video.paused ? marks : marksAbout(tracks, video.currentTime);
      draw(canvas, video, marks, hidden, [canvas.width / width, canvas.height / height], veil);
    },
  };
  const redraw = (): void => {
    veil.draw();
  };
  playhead.addEventListener("move", redraw, { signal });
  for (const kind of ["loadeddata", "seeked", "canplay"]) {
    video.addEventListener(kind, redraw);
  }
  canvas.addEventListener("click", () => {
    playhead.toggle();
  });
  led(box, video, playhead);
  signal.addEventListener("abort", () => {
    video.pause();
    video.removeAttribute("src");
    video.load(); // ends the transfer
  });
  return h("div", { class: "stage-inner" }, h("div", { class: "screen-box" }, video, canvas), controls(video, playhead, timeline, veil));
}

function toggles(veil: Veil): HTMLElement[] {
  const button = (text: string, pressed: boolean, change: (on: boolean) => void): HTMLButtonElement => {
    const made = h("button", { type: "button", "aria-pressed": pressed ? "true" : "false" }, say(text));
    made.addEventListener("click", () => {
      const on = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(on));
      change(on);
      veil.draw();
    });
    return made;
  };
  return [
    button("player.show_faces", !veil.veiled, (on) => {
      veil.veiled = !on;
      announce(say(on ? "player.faces_shown" : "player.faces_veiled"));
    }),
    button("player.show_boxes", veil.boxes, (on) => {
      veil.boxes = on;
    }),
  ];
}

/** Buttons, and keys that work while the focus is among them. */
function controls(media: HTMLMediaElement, playhead: Playhead, timeline: Timeline, veil: Veil | null): HTMLElement {
  const play = h("button", { type: "button", class: "primary play" }, say("player.play"));
  play.addEventListener("click", () => {
    playhead.toggle();
  });
  const now = h("span", { class: "clock" });
  playhead.addEventListener("move", () => {
    const label = say(playhead.playing ? "player.pause" : "player.play");
    if (play.textContent !== label) {
      play.textContent = label;
    }
    now.textContent = `${clock(playhead.time)} / ${clock(playhead.end)}`;
  });
  now.textContent = `${clock(playhead.time)} / ${clock(playhead.end)}`;
  const jump = (text: string, to: () => number | null): HTMLButtonElement => {
    const made = h("button", { type: "button" }, say(text));
    made.addEventListener("click", () => {
      const seconds = to();
      if (seconds !== null) {
        playhead.seek(seconds);
      }
    });
    return made;
  };
  const flagged = timeline.segments.filter((segment) => segment.flagged).map((segment) => segment.span[0]);
  const next = (): number | null => flagged.find((start) => start > playhead.time + 0.05) ?? null;
  const previous = (): number | null => flagged.filter((start) => start < playhead.time - 0.05).at(-1) ?? null;
  const speed = h("select", { "aria-label": say("player.speed") }, SPEEDS.map((value) => h("option", { value, selected: value === 1 }, say("player.times", { value }))));
  speed.addEventListener("change", () => {
    media.playbackRate = Number(speed.value);
  });
  const volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": say("player.volume"), class: "volume" });
  volume.addEventListener("input", () => {
    media.volume = Number(volume.value);
  });
  const bar = h("div", { class: "controls", role: "group", "aria-label": say("player.controls") });
  fill(
    bar,
    play,
    now,
    jump("player.back", () => playhead.time - STEP_SECONDS),
    jump("player.forward", () => playhead.time + STEP_SECONDS),
    flagged.length === 0 ? null : [jump("player.previous_flagged", previous), jump("player.next_flagged", next)],
    veil === null ? null : toggles(veil),
    h("label", { class: "inline" }, h("span", { "aria-hidden": "true" }, say("player.volume")), volume),
    speed,
    veil !== null && document.fullscreenEnabled ? larger(bar) : null,
  );
  bar.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLButtonElement && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const by: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ",": -0.04, ".": 0.04 };
      const seconds = by[event.key];
      if (seconds !== undefined) {
        event.preventDefault();
        playhead.seek(playhead.time + seconds);
      }
    }
  });
  return bar;
}

function larger(bar: HTMLElement): HTMLElement {
  const made = h("button", { type: "button" }, say("player.larger"));
  made.addEventListener("click", () => {
    const whole = bar.closest(".stage");
    void (document.fullscreenElement === null ? whole?.requestFullscreen() : document.exitFullscreen());
  });
  return made;
}
