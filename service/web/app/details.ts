/** What the report says beside the result: models, quality, how the file was read, and what the file says of itself. */

import { get } from "./api";
import { fill, foreign, h } from "./dom";
import type { FaceSample, Report } from "./report";
import { clock, number, percent, say, signed, when, word } from "./texts";
import { explain, fact, grid, notice, type Place, section } from "./view";

/** A section that is filled when the report is here: it may be large. */
export function details(place: Place, job: string): HTMLElement {
  const inside = h("div", { "aria-busy": "true" }, h("p", { class: "quiet" }, say("shell.loading")));
  get<Report>(`/v1/jobs/${job}/report`, place.signal).then(
    (report) => {
      inside.removeAttribute("aria-busy");
      fill(inside, scores(report), quality(report), coverage(report), models(report), provenance(report), run(report));
    },
    (error: unknown) => {
      if (!place.signal.aborted) {
        fill(inside, notice("problem", explain(error)));
      }
    },
  );
  return section("details", say("details.title"), inside);
}

function scores(report: Report): HTMLElement | null {
  const rows = report.body.findings.flatMap((finding) =>
    finding.scores.map((score) => [
      score.model,
      word("subject", finding.subject),
      number(score.logit, 2),
      score.llr === null ? say("details.none") : `${signed(score.llr)}${score.at_bound ? ` ${say("details.at_bound")}` : ""}`,
      number(score.num_windows),
    ]),
  );
  if (rows.length === 0) {
    return null;
  }
  return h(
    "div",
    null,
    h("h3", null, say("details.scores")),
    grid(say("details.scores"), [say("details.model"), say("details.about"), say("details.logit"), "LLR", say("details.inputs")], rows, "headed"),
    h("ul", { class: "small", lang: "en" }, report.body.findings.map((finding) => h("li", null, finding.explanation))),
  );
}

function quality(report: Report): HTMLElement | null {
  const { tracks, voices } = report.body;
  if (tracks.length + voices.length === 0) {
    return null;
  }
  const range = (samples: readonly FaceSample[], of: (sample: FaceSample) => number, digits: number): string => {
    const values = samples.map(of);
    return values.length === 0 ? "" : `${number(Math.min(...values), digits)} – ${number(Math.max(...values), digits)}`;
  };
  return h(
    "div",
    null,
    h("h3", null, say("details.quality")),
    tracks.length === 0
      ? null
      : grid(
          say("details.faces"),
          [say("details.face"), say("details.scored"), say("details.size"), say("details.sharpness"), say("details.turned")],
          tracks.map((track) => [
            track.id,
            `${number(track.num_scored)} / ${number(track.samples.length)}`,
            range(track.samples, (sample) => sample.size_px, 0),
            range(track.samples, (sample) => sample.sharpness, 0),
            range(track.samples, (sample) => sample.yaw_degrees, 0),
          ]),
        ),
    voices.length === 0
      ? null
      : grid(
          say("details.voices"),
          [say("details.voice"), say("details.speech"), say("details.bandwidth"), say("details.clipped")],
          voices.map((voice) => [
            voice.id,
            clock(voice.speech_seconds),
            voice.bandwidth_hz === null ? "" : say("details.hertz", { hertz: Math.round(voice.bandwidth_hz) }),
            percent(voice.clipped_fraction),
          ]),
        ),
  );
}

function coverage(report: Report): HTMLElement | null {
  const { coverage: entries } = report.body;
  return entries.length === 0
    ? null
    : grid(
        say("details.coverage"),
        [say("completeness.stream"), say("completeness.kind"), say("completeness.examined"), say("details.decoded"), say("details.decoder")],
        entries.map((entry) => [
          String(entry.stream),
          word("stream_kind", entry.kind),
          `${clock(entry.examined_seconds)} / ${clock(entry.total_seconds)}`,
          entry.num_expected === null ? number(entry.num_decoded) : `${number(entry.num_decoded)} / ${number(entry.num_expected)}`,
          entry.decoder === null ? "" : word("decoder", entry.decoder),
        ]),
      );
}

function models(report: Report): HTMLElement | null {
  if (report.body.models.length === 0) {
    return null;
  }
  return h(
    "div",
    null,
    h("h3", null, say("details.models")),
    report.body.models.map((model) =>
      h(
        "details",
        null,
        h("summary", null, model.name, " ", h("span", { class: `chip chip-${model.status}` }, say(`status.${model.status}`))),
        h(
          "dl",
          { class: "facts" },
          fact(say("models.looks_at"), word("subject", model.modality)),
          fact(say("models.architecture"), foreign(model.architecture)),
          fact(say("models.sha256"), h("code", null, model.sha256), true),
          fact(say("models.licence"), foreign(model.licence)),
          fact(say("models.source"), foreign(model.source), true),
          fact(say("models.paper"), foreign(model.paper), true),
          fact(say("models.training"), model.training_data.join("; "), true),
          fact(say("models.calibration"), model.calibration === null ? say("models.calibration_none") : plain(model.calibration), true),
          fact(say("models.limits"), h("span", { lang: "en" }, model.known_limits), true),
        ),
      ),
    ),
  );
}

/** A small table of values that the page has no own words for. */
export function plain(values: Readonly<Record<string, unknown>>): HTMLElement {
  return h(
    "ul",
    { class: "plain small" },
    Object.entries(values).map(([name, value]) => h("li", null, h("code", null, name), " ", foreign(typeof value === "string" ? value : JSON.stringify(value)))),
  );
}

function provenance(report: Report): HTMLElement {
  const { provenance: found } = report.body.recording;
  const table = (caption: string, values: Readonly<Record<string, string>>): HTMLElement | null =>
    Object.keys(values).length === 0
      ? null
      : grid(caption, [say("details.tag"), say("details.value")], Object.entries(values).slice(0, 200).map(([name, value]) => [foreign(name), foreign(value)]), "pairs");
  return h(
    "details",
    null,
    h("summary", null, say("details.provenance")),
    h("p", { class: "claims" }, say("details.claims")),
    table(say("details.container_tags"), found.container_tags),
    Object.entries(found.stream_tags).map(([stream, tags]) => table(say("details.stream_tags", { stream }), tags)),
    table("EXIF", found.exif),
    found.xmp === null ? null : [h("h4", null, "XMP"), h("pre", { tabindex: 0 }, foreign(found.xmp))],
    found.c2pa === null ? null : h("p", null, h("strong", null, "C2PA: "), foreign(found.c2pa)),
    found.notes.map((note) => h("p", { lang: "en" }, foreign(note))),
  );
}

function run(report: Report): HTMLElement {
  return h(
    "details",
    null,
    h("summary", null, say("details.run")),
    h(
      "dl",
      { class: "facts" },
      fact(say("job.tool"), report.body.tool),
      fact(say("details.started"), when(report.run.started_at)),
      fact(say("details.device"), report.run.device),
      fact(say("details.digest"), h("code", null, report.body.configuration.digest), true),
      fact(say("details.isolation"), plain(report.run.decoder), true),
      fact(say("details.versions"), plain(report.run.versions), true),
    ),
  );
}
