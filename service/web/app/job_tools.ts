/** What can be done with a job: take away, score again, cancel, delete. */

import { send } from "./api";
import { h } from "./dom";
import { say } from "./texts";
import type { Job } from "./types";
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
      ? h(
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
    done && job.superseded_by === null && may(place, "submit")
      ? action(say("tools.rescore"), async () => {
          const made = await send<Job>("POST", `${base}/rescore`, {});
          place.go(`/jobs/${made.id}`);
        })
      : null,
    (job.status === "queued" || job.status === "running") && may(place, "submit")
      ? action(say("tools.cancel"), async () => {
          await send("POST", `${base}/cancel`);
          place.again();
        })
      : null,
    done ? printing() : null,
  );
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
