/** A result: what it is worth, where it comes from in the recording, what was left out, and what it cannot tell. */

import { get } from "./api";
import { completeness } from "./completeness";
import { conclusion } from "./conclusion";
import { details } from "./details";
import { fill, h } from "./dom";
import { pictures } from "./pictures";
import { Playhead } from "./playhead";
import type { Timeline } from "./report";
import { moment } from "./rows";
import { stage } from "./stage";
import { legend, strip } from "./strip";
import { clock, number, rows, say, sentences, signed, span, word } from "./texts";
import type { Job } from "./types";
import { grid, type Place, section } from "./view";

const MOMENT_MILLISECONDS = 150;
/** Numbers that change more often cannot be read. */

/** All of it; `review` stands before the limits. */
export async function result(place: Place, job: Job, review: HTMLElement): Promise<HTMLElement> {
  const timeline = await get<Timeline>(`/v1/jobs/${job.id}/timeline`, place.signal);
  const playhead = new Playhead(...extent(timeline));
  const jump = (seconds: number): void => {
    playhead.seek(seconds);
    const player = document.getElementById("recording");
    player?.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
  };
  const sections = [
    conclusion(timeline, job.state, jump),
    await recording(place, job, timeline, playhead),
    completeness(timeline, jump),
    pictures(job.id, timeline, jump),
    review,
    limits(timeline),
    details(place, job.id),
  ].filter((entry) => entry !== null);
  const contents = h(
    "nav",
    { class: "contents", "aria-label": say("job.contents") },
    h("p", { class: "contents-title" }, say("job.contents")),
    h(
      "ol",
      null,
      sections.map((entry) => h("li", null, h("a", { href: `#${entry.id}` }, entry.querySelector("h2")?.textContent ?? ""))),
    ),
  );
  return h("div", { class: "result" }, contents, h("div", { class: "result-body" }, sections));
}

function calm(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** From where to where the recording goes, with everything that has a place in it. */
function extent(timeline: Timeline): [number, number] {
  let end = timeline.duration_seconds ?? 0;
  for (const { span: place } of [...timeline.segments, ...timeline.tracks]) {
    end = Math.max(end, place[1]);
  }
  return [0, end];
}

async function recording(place: Place, job: Job, timeline: Timeline, playhead: Playhead): Promise<HTMLElement> {
  const drawn = timeline.media !== "image" && timeline.tracks.length + timeline.voices.length + timeline.streams.length > 0 && playhead.end > 0;
  const found = timeline.tracks.length + timeline.voices.length > 0;
  const { element } = await stage(job.id, timeline, playhead, place.signal);
  return section(
    "recording",
    say("job.recording"),
    found
      ? h(
          "div",
          { class: "watching" },
          element,
          h("aside", { class: "now", "aria-label": say("moment.title") }, h("h3", null, say("moment.title")), now(place, timeline, playhead)),
        )
      : element,
    timeline.tracks.length === 0 ? null : h("p", { class: "small quiet" }, say("player.veil_note")),
    drawn ? [h("h3", { id: "timeline" }, say("timeline.title")), legend(timeline), strip(timeline, playhead, place.signal), asTable(timeline, playhead)] : null,
  );
}

/** What was found at the moment that is shown. */
function now(place: Place, timeline: Timeline, playhead: Playhead): HTMLElement {
  const list = h("div");
  let soon = 0;
  const show = (): void => {
    soon = 0;
    const entries = timeline.media === "image" ? moment(timeline, timeline.tracks[0]?.times[0] ?? 0) : moment(timeline, playhead.time);
    fill(
      list,
      timeline.media === "image" ? null : h("p", { class: "clock" }, clock(playhead.time)),
      entries.length === 0
        ? h("p", { class: "quiet" }, say("moment.nothing"))
        : h(
            "ul",
            { class: "plain" },
            entries.map(({ name, value, scale, why }) =>
              h(
                "li",
                null,
                h("strong", null, name),
                " ",
                value === null
                  ? h("span", { class: "quiet" }, why ?? say("moment.not_scored"))
                  : scale === "llr"
                    ? [h("span", { class: "figure" }, say("jobs.llr", { llr: signed(value) })), h("small", { class: "quiet" }, say(Math.abs(value) < Math.LN2 ? "moment.neither" : value > 0 ? "moment.h1" : "moment.h2"))]
                    : h("span", { class: "figure" }, say("timeline.value_logit", { value: number(value, 2) })),
              ),
            ),
          ),
    );
  };
  playhead.addEventListener("move", () => {
    if (soon === 0) {
      soon = window.setTimeout(show, MOMENT_MILLISECONDS);
    }
  }, { signal: place.signal });
  show();
  return list;
}

/** The passages in words, for whoever cannot see the drawing or wants to print it. */
function asTable(timeline: Timeline, playhead: Playhead): HTMLElement {
  const body = timeline.segments.map((segment) => {
    const button = h("button", { type: "button", class: "link" }, span(...segment.span));
    button.addEventListener("click", () => {
      playhead.seek(segment.span[0]);
    });
    return [
      button,
      word("subject", segment.modality),
      segment.llr === null ? say("timeline.value_none") : signed(segment.llr),
      segment.flagged ? say("timeline.yes_flagged") : "",
      segment.subjects.join(", "),
    ];
  });
  return h(
    "details",
    null,
    h("summary", null, say("timeline.table")),
    grid(say("timeline.table"), [say("timeline.span"), say("timeline.modality"), "LLR", say("timeline.flag"), say("timeline.subjects")], body, "dense"),
  );
}

/** In the reader's language where the report has the sentences that this page knows, else in the report's own words. */
function limits(timeline: Timeline): HTMLElement {
  return section(
    "limits",
    say("job.limits"),
    h("ul", { class: "statements" }, sentences("limits.statements").map((sentence) => h("li", null, sentence))),
    timeline.statements.length === 0
      ? null
      : h("details", null, h("summary", null, say("job.limits_report")), h("ul", { class: "statements", lang: "en" }, timeline.statements.map((sentence) => h("li", null, sentence)))),
    h(
      "details",
      null,
      h("summary", null, say("limits.scale")),
      grid(say("limits.scale_caption"), [say("limits.scale_ratio"), say("limits.scale_llr"), say("limits.scale_words")], rows("limits.scale_rows")),
    ),
  );
}
