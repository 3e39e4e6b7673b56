/** What can be done with a job: take away, score again, cancel, delete. */

import { get, send } from "./api";
import { h } from "./dom";
import { say } from "./texts";
import type { Job, ModelList } from "./types";
import { action, field, form, may, type Place } from "./view";

/** Links and buttons at the head of the page. */
export function tools(place: Place, job: Job): HTMLElement {
  const base = `/v1/jobs/${job.id}`;
  const done = job.status === "done";
  const download = (address: string, text: string): HTMLElement => h("li", null, h("a", { href: `${base}/${address}`, download: true }, say(text)));
  return h(
    "div",
    { class: "tools" },
    done && may(place, "read")
      ? closing(
          "details",
          { class: "menu-box" },
          h("summary", null, say("tools.take")),
          h(
            "ul",
            { class: "plain" },
            download("report.pdf", "tools.pdf"),
            download("report.pdf?blur_faces=false", "tools.pdf_faces"),
            download("bundle", "tools.bundle"),
            download("report", "tools.json"),
            h("li", null, h("a", { href: `${base}/report.html`, target: "_blank", rel: "noopener" }, say("tools.html"))),
            download("evidence", "tools.evidence"),
          ),
        )
      : null,
    done && job.superseded_by === null && may(place, "submit") && may(place, "read") ? rescoring(place, job) : null,
    (job.status === "queued" || job.status === "running") && may(place, "submit")
      ? action(say("tools.cancel"), async () => {
          await send("POST", `${base}/cancel`);
          place.again();
        })
      : null,
    done ? printing() : null,
  );
}

/** A menu, which Escape closes, and whatever takes the focus away. */
function closing(...made: Parameters<typeof h<"details">>): HTMLDetailsElement {
  const box = h(...made);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && box.open) {
      box.open = false;
      box.querySelector("summary")?.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (box.isConnected && event.target instanceof Node && !box.contains(event.target)) {
      box.open = false;
    }
  });
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !box.contains(event.relatedTarget)) {
      box.open = false;
    }
  });
  return box;
}

/** Offered where it would make a difference: where the models or settings are others now. */
function rescoring(place: Place, job: Job): HTMLElement {
  const made = h("span", { class: "quiet small" });
  get<ModelList>("/v1/models", place.signal).then(
    (now) => {
      const { tool, config_digest: digest, checkpoints } = job.models;
      const used = now.models.filter((model) => model.in_use);
      const same =
        tool === now.tool &&
        digest === now.config_digest &&
        used.length === Object.keys(checkpoints).length &&
        used.every((model) => checkpoints[model.name] === model.in_use_sha256);
      made.replaceWith(same ? h("span", { class: "quiet small" }, say("tools.of_now")) : again());
    },
    () => undefined, // without the list nothing is offered
  );
  const again = (): HTMLElement =>
    action(say("tools.rescore"), async () => {
      const created = await send<Job>("POST", `/v1/jobs/${job.id}/rescore`, {});
      place.go(`/jobs/${created.id}`);
    });
  return made;
}

function printing(): HTMLElement {
  return action(say("tools.print"), () => {
    window.print();
    return Promise.resolve();
  });
}

/** At the end of the page, apart from everything else: what cannot be undone. */
export function deletion(place: Place, job: Job): HTMLElement | null {
  if (!may(place, "submit")) {
    return null;
  }
  const reason = h("textarea", { name: "reason", required: true, maxlength: 1000, rows: 3 });
  return h(
    "details",
    { class: "deletion" },
    h("summary", null, say("tools.delete")),
    h("p", null, say("tools.delete_meaning")),
    form(
      say("tools.delete_now"),
      async (data) => {
        await send("POST", `/v1/jobs/${job.id}/delete`, { reason: String(data.get("reason")) });
        place.go(`/cases/${job.case}`);
        return undefined;
      },
      field(say("tools.delete_reason"), reason, say("tools.delete_hint")),
    ),
  );
}
