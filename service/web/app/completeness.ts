/** What was examined, and what was not and why. */

import { foreign, h } from "./dom";
import type { Span, Timeline } from "./report";
import { say, span, word } from "./texts";
import { grid, section } from "./view";

const SHOWN = 12;

/** Streams, abstentions, damage, and what else is worth knowing. */
export function completeness(timeline: Timeline, jump: (seconds: number) => void): HTMLElement {
  return section(
    "completeness",
    say("job.completeness"),
    h("p", null, say("completeness.intro")),
    timeline.streams.length === 0 ? null : grid(
      say("completeness.streams"),
      [say("completeness.stream"), say("completeness.kind"), say("completeness.time"), say("completeness.examined")],
      timeline.streams.map((stream) => [
        String(stream.index),
        word("stream_kind", stream.kind),
        stream.span === null ? "" : span(...stream.span),
        stream.examined ? say("completeness.yes") : [say("completeness.no"), " ", stream.not_examined_because === null ? null : foreign(stream.not_examined_because)],
      ]),
    ),
    part(
      say("completeness.abstentions"),
      say("completeness.abstentions_none"),
      timeline.abstentions.map((entry) => [h("strong", null, entry.subject), ": ", word("reason", entry.reason), " ", own(entry.detail), " ", at(entry.span, jump)]),
    ),
    part(
      say("completeness.defects"),
      say("completeness.defects_none"),
      timeline.defects.map((entry) => [h("strong", null, word("defect", entry.kind)), " ", own(entry.detail), " ", at(entry.span, jump)]),
    ),
    part(
      say("completeness.caveats"),
      say("completeness.caveats_none"),
      timeline.caveats.map((entry) => [h("strong", null, word("caveat", entry.kind)), " ", own(entry.detail)]),
    ),
  );
}

/** The report's own detail, which is in English. */
function own(detail: string): HTMLElement {
  return h("span", { lang: "en", class: "quiet" }, foreign(detail));
}

function at(place: Span | null, jump: (seconds: number) => void): HTMLElement | null {
  if (place === null) {
    return null;
  }
  const button = h("button", { type: "button", class: "link" }, span(...place));
  button.addEventListener("click", () => {
    jump(place[0]);
  });
  return button;
}

function part(heading: string, none: string, entries: readonly (readonly (Node | string | null)[])[]): HTMLElement {
  const items = entries.map((entry) => h("li", null, entry));
  return h(
    "div",
    null,
    h("h3", null, heading),
    items.length === 0 ? h("p", { class: "quiet" }, none) : h("ul", { class: "entries" }, items.slice(0, SHOWN)),
    items.length > SHOWN ? h("details", null, h("summary", null, say("completeness.more", { count: items.length - SHOWN })), h("ul", { class: "entries" }, items.slice(SHOWN))) : null,
  );
}
