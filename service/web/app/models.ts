/** The checkpoints that this installation knows, what their results rest on, and where their limits are. */

import { get } from "./api";
import { fill, foreign, h } from "./dom";
import { number, say, signed, size, word } from "./texts";
import type { Model, ModelList, Population } from "./types";
import { explain, fact, type Place, type View } from "./view";

/** The list; those in use stand first. */
export async function modelsView(place: Place): Promise<View> {
  const found = await get<ModelList>("/v1/models", place.signal);
  const used = found.models.filter((model) => model.in_use);
  const others = found.models.filter((model) => !model.in_use);
  const content = [
    h("h1", null, say("models.title")),
    h("p", null, say("models.intro")),
    h(
      "dl",
      { class: "facts" },
      fact(say("job.tool"), found.tool),
      fact(say("details.digest"), found.config_digest === null ? null : h("code", null, found.config_digest), true),
      fact(say("models.fusion"), found.fusion === null ? say("models.fusion_none") : population(found.fusion), true),
    ),
    h("h2", null, say("models.in_use")),
    used.length === 0 ? h("p", { class: "quiet" }, say("models.in_use_none")) : used.map((model) => facts(place, model, true)),
    others.length === 0 ? null : [h("h2", null, say("models.others")), others.map((model) => facts(place, model, false))],
  ];
  return { title: say("models.title"), content };
}

function facts(place: Place, model: Model, open: boolean): HTMLElement {
  const status = model.calibration === null ? "uncalibrated" : "calibrated";
  return h(
    "details",
    { open },
    h("summary", null, h("strong", null, model.name), " ", word("subject", model.modality), " ", h("span", { class: `chip chip-${status}` }, say(`status.${status}`))),
    h(
      "dl",
      { class: "facts" },
      fact(say("models.architecture"), foreign(model.architecture)),
      fact(say("models.licence"), foreign(model.licence)),
      fact(say("job.size"), size(model.num_bytes)),
      fact(say("models.sha256"), h("code", null, model.sha256), true),
      fact(say("models.source"), model.source === null ? say("models.own") : foreign(model.source), true),
      fact(say("models.paper"), foreign(model.paper), true),
      fact(say("models.training"), model.training_data.join("; "), true),
      fact(say("models.calibration"), model.calibration === null ? say("models.calibration_none") : population(model.calibration), true),
      fact(say("models.limits"), h("span", { lang: "en" }, model.known_limits), true),
    ),
    card(place, model),
  );
}

function population(found: Population): HTMLElement {
  return h(
    "span",
    null,
    h("span", { lang: "en" }, found.description),
    " ",
    say("models.population", {
      bonafide: number(found.num_bonafide),
      spoof: number(found.num_spoof),
      low: signed(found.smallest_llr),
      high: signed(found.largest_llr),
    }),
  );
}

/** The card: what to read before relying on it; fetched when it is opened. */
function card(place: Place, model: Model): HTMLElement {
  const text = h("pre", { lang: "en", tabindex: 0 });
  const made = h("details", null, h("summary", null, say("models.card")), text);
  made.addEventListener("toggle", () => {
    if (made.open && text.textContent === "") {
      get<{ readonly card: string }>(`/v1/models/${encodeURIComponent(model.name)}`, place.signal).then(
        (found) => fill(text, foreign(found.card, 100_000)),
        (error: unknown) => fill(text, explain(error)),
      );
    }
  });
  return made;
}
