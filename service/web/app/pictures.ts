/** The pictures that drove the scores: faces with their heat maps, and spectrograms. Faces stay veiled until asked for. */

import { h } from "./dom";
import { leading, type Exhibit, type Timeline } from "./report";
import { number, say, signed, span, word } from "./texts";
import { section } from "./view";

/** One group a face, and one a voice; null where no pictures were kept. */
export function pictures(job: string, timeline: Timeline, jump: (seconds: number) => void): HTMLElement | null {
  if (timeline.exhibits.length === 0) {
    return null;
  }
  const about = new Map<string, Exhibit[]>();
  for (const exhibit of timeline.exhibits) {
    about.set(exhibit.subject, [...(about.get(exhibit.subject) ?? []), exhibit]);
  }
  return section(
    "pictures",
    say("pictures.title"),
    h("p", null, say("pictures.intro")),
    [...about].map(([subject, exhibits]) => group(job, timeline, subject, exhibits, jump)),
    h("p", { class: "small quiet" }, say("pictures.heat_map_note")),
  );
}

function group(job: string, timeline: Timeline, subject: string, exhibits: readonly Exhibit[], jump: (seconds: number) => void): HTMLElement {
  const scores = [...timeline.tracks, ...timeline.voices].find((entry) => entry.id === subject)?.scores ?? [];
  const column = leading(scores);
  const value =
    column === null || column.overall === null
      ? say("timeline.value_none")
      : column.scale === "llr"
        ? say("timeline.value_llr", { value: signed(column.overall) })
        : say("timeline.value_logit", { value: number(column.overall, 2) });
  const faces = exhibits.some((exhibit) => exhibit.kind !== "spectrogram");
  const list = h("ul", { class: `plain exhibits${faces ? " exhibits-veiled" : ""}` }, exhibits.map((exhibit) => figure(job, exhibit, jump)));
  return h("article", { class: "subject" }, h("h3", null, subject, " ", h("span", { class: "quiet small" }, value)), faces ? reveal(subject, list) : null, list);
}

function reveal(subject: string, list: HTMLElement): HTMLElement {
  const button = h("button", { type: "button", "aria-pressed": "false", "aria-label": `${say("player.show_faces")}: ${subject}` }, say("player.show_faces"));
  button.addEventListener("click", () => {
    const veiled = list.classList.toggle("exhibits-veiled");
    button.setAttribute("aria-pressed", String(!veiled));
  });
  return h("p", null, button);
}

function figure(job: string, exhibit: Exhibit, jump: (seconds: number) => void): HTMLElement {
  const at = h("button", { type: "button", class: "link" }, span(...exhibit.span));
  at.setAttribute("aria-label", say("job.jump", { span: span(...exhibit.span) }));
  at.addEventListener("click", () => {
    jump(exhibit.span[0]);
  });
  const address = `/v1/jobs/${job}/exhibits/${exhibit.id.split("/").map(encodeURIComponent).join("/")}`;
  return h(
    "li",
    { class: `exhibit exhibit-${exhibit.kind}` },
    h(
      "figure",
      null,
      h("div", { class: "frame" }, h("img", { src: address, alt: exhibit.alternative_text, width: exhibit.width_px, height: exhibit.height_px, loading: "lazy" })),
      h("figcaption", null, word("exhibit", exhibit.kind), exhibit.kind !== "heat_map" || exhibit.model === null ? "" : ` · ${exhibit.model}`, " · ", at),
    ),
  );
}
