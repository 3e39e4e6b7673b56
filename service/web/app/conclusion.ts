/** The result in words and on a scale, as the report has it. */

import { h, s } from "./dom";
import type { Finding, Timeline } from "./report";
import { language, ratio, say, sentences, signed, span, word } from "./texts";
import { section } from "./view";

const SCALE_LLR = Math.log(1_000_000);
/** The ruler's ends: beyond a million the ENFSI scale has no further step. */
const NOTCHES = [2, 10, 100, 1_000, 10_000, 1_000_000];
const STRENGTH = /provide (weak|moderate|moderately strong|strong|very strong|extremely strong) support/;

/** The box at the top. */
export function conclusion(timeline: Timeline, state: string | null, jump: (seconds: number) => void): HTMLElement {
  const overall = timeline.findings.find((finding) => finding.subject === "recording" && finding.llr !== null);
  const { kind } = timeline.conclusion;
  const made = section(
    "conclusion",
    say("job.result"),
    h("p", null, h("span", { class: `chip chip-${timeline.examination}` }, say(`examination.${timeline.examination}`))),
    headline(timeline, overall, state),
    own(timeline, state),
    missing(timeline),
    overall === undefined || overall.llr === null || kind !== "calibrated" ? null : [scale(overall.llr), propositions("recording"), weight(overall.llr)],
    kind === "separate" ? h("p", null, h("strong", null, say("conclusion.not_probability"))) : null,
    modalities(timeline),
    passages(timeline, jump),
  );
  made.classList.add("conclusion");
  return made;
}

/** The report's own sentence; in another language the same sentence, where its parts are known. */
function headline(timeline: Timeline, overall: Finding | undefined, state: string | null): HTMLElement {
  const { kind, headline: text } = timeline.conclusion;
  if (language() === "en") {
    return h("p", { class: "verdict" }, text);
  }
  const translated = kind === "calibrated" && overall !== undefined ? verbal(overall) : null;
  if (translated !== null || kind !== "calibrated") {
    const key = kind === "not_scored" && state === "no_subject" ? "no_subject" : kind;
    return h("div", null, h("p", { class: "verdict" }, translated ?? say(`conclusion.${key}`)), h("p", { class: "small quiet" }, say("job.wording"), " ", h("q", { lang: "en" }, text)));
  }
  return h("p", { class: "verdict", lang: "en" }, text);
}

/** A finding's wording in the reader's language; null where it is none of the sentences that are known. */
function verbal(finding: Finding): string | null {
  if (finding.llr === null || finding.verbal === null) {
    return null;
  }
  if (language() === "en") {
    return finding.verbal;
  }
  const strength = STRENGTH.exec(finding.verbal)?.[1];
  const [h1, h2] = [say(`proposition.${finding.subject}.h1`), say(`proposition.${finding.subject}.h2`)];
  if (strength === undefined) {
    return finding.verbal.startsWith("The findings do not support") ? say("verbal.none", { h1, h2 }) : null;
  }
  const [supported, alternative] = finding.llr >= 0 ? [h1, h2] : [h2, h1];
  return say("verbal.sentence", { strength: say(`verbal.${strength.replaceAll(" ", "_")}`), supported, alternative });
}

/** The report's sentences about itself, and how the examination ended. */
function own(timeline: Timeline, state: string | null): HTMLElement[] {
  const { kind, meaning } = timeline.conclusion;
  if (language() === "en") {
    return [...meaning, timeline.message].map((sentence) => h("p", null, sentence));
  }
  const translated = kind === "uncalibrated" ? sentences("conclusion.uncalibrated_meaning") : kind === "failed" ? [`${say("job.state")}: ${word("short_state", state ?? "done")}.`, say("conclusion.failed_meaning")] : kind === "separate" ? [say("conclusion.separate_meaning")] : kind === "not_scored" ? [say("conclusion.no_subject_meaning")] : [];
  return [...translated.map((sentence) => h("p", null, sentence)), h("p", { lang: "en", class: "small" }, timeline.message)];
}

function missing(timeline: Timeline): HTMLElement | null {
  const { abstentions, defects } = timeline;
  if (abstentions.length + defects.length === 0) {
    return null;
  }
  return h(
    "div",
    { class: "missing" },
    h("h3", null, say("conclusion.missing")),
    defects.length === 0 ? null : [h("p", null, say("conclusion.missing_defects")), h("ul", null, [...new Set(defects.map((defect) => defect.kind))].map((kind) => h("li", null, word("defect", kind))))],
    abstentions.length === 0 ? null : h("p", null, say("conclusion.abstentions_more", { count: abstentions.length, section: say("job.completeness") })),
  );
}

function propositions(subject: string): HTMLElement {
  const entry = (name: string, text: string): HTMLElement => h("div", null, h("dt", null, say(name)), h("dd", null, say(text)));
  return h(
    "div",
    null,
    h("h3", null, say("conclusion.propositions")),
    h(
      "dl",
      { class: "propositions" },
      entry("conclusion.proposition_1", `proposition.${subject}.h1`),
      entry("conclusion.proposition_2", `proposition.${subject}.h2`),
    ),
  );
}

function weight(llr: number): HTMLElement {
  const key = Math.abs(llr) < Math.log(2) ? "towards_none" : llr > 0 ? "towards_1" : "towards_2";
  return h(
    "div",
    null,
    h("h3", null, say("conclusion.meaning")),
    h("p", null, say(`conclusion.${key}`, { ratio: ratio(llr) }), " ", say("conclusion.llr", { llr: signed(llr) })),
    h("p", null, h("strong", null, say("conclusion.not_probability"))),
  );
}

/** Where an LLR stands between the two propositions: by place, sign and words; colour only repeats it. */
function scale(llr: number): HTMLElement {
  const x = (value: number): number => 50 + (Math.max(-1, Math.min(1, value / SCALE_LLR)) * 50);
  const notches = NOTCHES.flatMap((value) => [Math.log(value), -Math.log(value)]).map((value) => s("line", { x1: `${x(value)}%`, x2: `${x(value)}%`, y1: 22, y2: 34, class: "notch" }));
  const at = x(llr);
  const anchor = at < 15 ? "start" : at > 85 ? "end" : "middle";
  return h(
    "div",
    { class: "scale" },
    s(
      "svg",
      { class: "ruler", width: "100%", height: 48, role: "img", "aria-label": say("conclusion.scale_description", { llr: signed(llr) }) },
      s("rect", { x: 0, y: 25, width: "50%", height: 6, class: "side-against" }),
      s("rect", { x: "50%", y: 25, width: "50%", height: 6, class: "side-for" }),
      notches,
      s("line", { x1: "50%", x2: "50%", y1: 18, y2: 38, class: "notch" }),
      s("line", { x1: `${at}%`, x2: `${at}%`, y1: 16, y2: 40, class: "needle" }),
      s("circle", { cx: `${at}%`, cy: 28, r: 6, class: "needle-head" }),
      s("text", { x: `${at}%`, y: 11, "text-anchor": anchor, class: "pin-text" }, `LLR ${signed(llr)}`),
    ),
    h("p", { class: "scale-ends" }, h("span", null, `← ${say("conclusion.scale_end_2")}`), h("span", null, `${say("conclusion.scale_end_1")} →`)),
  );
}

function modalities(timeline: Timeline): HTMLElement[] | null {
  const findings = timeline.findings.filter((finding) => finding.subject !== "recording");
  if (findings.length === 0) {
    return null;
  }
  return [
    h("h3", null, say("conclusion.by_modality")),
    h(
      "div",
      { class: "cards" },
      findings.map((finding) => {
        const words = verbal(finding);
        return h(
          "article",
          { class: "card" },
          h("div", { class: "card-head" }, h("h4", null, word("subject", finding.subject)), h("span", { class: `chip chip-${finding.status}` }, say(`status.${finding.status}`))),
          words === null ? null : h("p", { class: "card-verdict" }, words),
          finding.llr === null ? h("p", { class: "quiet" }, say(`status.${finding.status}_meaning`)) : scale(finding.llr),
          finding.llr === null ? null : h("p", { class: "small" }, finding.flagged ? `▲ ${say("conclusion.flagged")}` : say("conclusion.flagged_none")),
        );
      }),
    ),
  ];
}

function passages(timeline: Timeline, jump: (seconds: number) => void): (HTMLElement | null)[] | null {
  const { flag_llr: flag, segments } = timeline;
  if (flag === null || (timeline.conclusion.kind !== "calibrated" && timeline.conclusion.kind !== "separate")) {
    return null;
  }
  const flagged = segments.filter((segment) => segment.flagged);
  const values = { threshold: signed(flag), ratio: ratio(flag) };
  const entries = flagged.map((segment) => {
    const button = h("button", { type: "button", class: "link when" }, span(...segment.span));
    button.setAttribute("aria-label", say("job.jump", { span: span(...segment.span) }));
    button.addEventListener("click", () => {
      jump(segment.span[0]);
    });
    return h("li", null, button, ` ${word("subject", segment.modality)}`, segment.llr === null ? null : h("span", { class: "figure" }, ` ${say("jobs.llr", { llr: signed(segment.llr) })}`));
  });
  return [
    h("h3", null, say("conclusion.passages")),
    h("p", null, say(flagged.length === 0 ? "conclusion.passages_none" : "conclusion.passages_intro", values)),
    entries.length === 0 ? null : h("ul", { class: "passages" }, entries.slice(0, SHOWN)),
    entries.length <= SHOWN ? null : h("details", null, h("summary", null, say("job.more_passages", { count: entries.length - SHOWN })), h("ul", { class: "passages" }, entries.slice(SHOWN))),
  ];
}

const SHOWN = 8;
