/** Handing recordings in: drop them, or choose them; see how far each is, and that it arrived whole. */

import type { PreviousUpload } from "tus-js-client";
import { get } from "./api";
import { announce, fill, foreign, h } from "./dom";
import { clock, percent, say, size, word } from "./texts";
import { forget, hand, type Transfer, transfersOf, unfinished } from "./transfers";
import type { Job } from "./types";
import { action, type Place } from "./view";

/** Of a case that takes recordings. */
export function uploadArea(place: Place, of: string): HTMLElement {
  const input = h("input", { type: "file", multiple: true, class: "unseen", id: "files", "aria-describedby": "drop-hint" });
  const list = h("ul", { class: "plain transfers", "aria-label": say("upload.list") });
  const earlier = h("div");
  const take = (files: readonly File[]): void => {
    for (const transfer of hand(files, of)) {
      list.append(row(place, transfer));
    }
    announce(say("upload.taken", { count: files.length }));
    void showUnfinished(of, earlier, input);
  };
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
  const zone = h(
    "div",
    { class: "drop" },
    h("p", null, input, h("label", { for: "files", class: "button primary" }, say("upload.choose")), " ", h("span", null, say("upload.drop"))),
    h("p", { class: "quiet small", id: "drop-hint" }, say("upload.hint")),
  );
  listen(zone, take, place.signal);
  list.append(...transfersOf(of).map((transfer) => row(place, transfer)));
  void showUnfinished(of, earlier, input);
  return h("div", { class: "uploads" }, zone, earlier, list);
}

function listen(zone: HTMLElement, take: (files: readonly File[]) => void, signal: AbortSignal): void {
  const over = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes("Files") === true) {
      event.preventDefault();
      zone.classList.add("drop-over");
    }
  };
  const leave = (event: DragEvent): void => {
    if (event.relatedTarget === null) {
      zone.classList.remove("drop-over");
    }
  };
  const drop = (event: DragEvent): void => {
    zone.classList.remove("drop-over");
    if (event.dataTransfer !== null && event.dataTransfer.types.includes("Files")) {
      event.preventDefault();
      void filesOf(event.dataTransfer).then(take);
    }
  };
  // Anywhere on the page: a file that misses the zone would else replace the page.
  document.addEventListener("dragover", over, { signal });
  document.addEventListener("dragleave", leave, { signal });
  document.addEventListener("drop", drop, { signal });
}

/** What was dropped, with what lies in folders. */
async function filesOf(data: DataTransfer): Promise<File[]> {
  // All of it before the first wait: afterwards the browser has taken the list away.
  const found = [...data.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const files = found.map(({ entry, file }) => (entry !== null ? walk(entry) : file !== null ? [file] : []));
  return (await Promise.all(files)).flat();
}

async function walk(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((found, failed) => (entry as FileSystemFileEntry).file(found, failed))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    // A folder is read some entries at a time, until there are none.
    const some = await new Promise<FileSystemEntry[]>((found, failed) => reader.readEntries(found, failed));
    if (some.length === 0) {
      return files;
    }
    files.push(...(await Promise.all(some.map(walk))).flat());
  }
}

async function showUnfinished(of: string, into: HTMLElement, input: HTMLInputElement): Promise<void> {
  const uploads = await unfinished(of);
  const entry = (upload: PreviousUpload): HTMLElement =>
    h(
      "li",
      null,
      foreign(upload.metadata["filename"] ?? "", 200),
      " ",
      h("span", { class: "quiet" }, upload.size === null ? "" : size(upload.size)),
      " ",
      action(say("upload.forget"), async () => {
        await forget(upload);
        await showUnfinished(of, into, input);
      }),
    );
  fill(
    into,
    uploads.length === 0
      ? null
      : h(
          "div",
          { class: "notice notice-note" },
          h("p", null, say("upload.unfinished", { count: uploads.length })),
          h("ul", null, uploads.map(entry)),
          action(say("upload.choose_again"), () => Promise.resolve(input.click())),
        ),
  );
}

function row(place: Place, transfer: Transfer): HTMLElement {
  const bar = h("progress", { max: Math.max(1, transfer.file.size), value: 0, "aria-label": say("upload.progress", { name: transfer.file.name }) });
  const facts = h("p", { class: "small" });
  const hash = h("p", { class: "small hash" });
  const buttons = h("div", { class: "buttons" });
  const element = h("li", { class: "transfer" }, h("p", { class: "transfer-name" }, foreign(transfer.file.name, 200)), bar, facts, hash, buttons);
  let told = "";
  const draw = (): void => {
    bar.value = transfer.sentBytes;
    fill(facts, standing(transfer));
    fill(hash, digest(transfer));
    if (told === transfer.standing) {
      return;
    }
    told = transfer.standing;
    element.className = `transfer transfer-${transfer.standing}`;
    fill(buttons, controls(transfer, element));
    if (transfer.standing === "done") {
      announce(say("upload.arrived", { name: transfer.file.name }));
      if (transfer.job !== null && transfer.receivedSha256 === null) {
        void get<Job>(`/v1/jobs/${transfer.job}`, place.signal).then((job) => {
          transfer.receivedSha256 = job.sha256;
          draw();
        }, () => undefined); // the list of jobs shows what the matter is
      }
    } else if (transfer.standing === "failed") {
      announce(say("upload.refused", { name: transfer.file.name }));
    }
  };
  transfer.addEventListener("change", draw);
  place.signal.addEventListener("abort", () => {
    transfer.removeEventListener("change", draw);
  });
  draw();
  return element;
}

function standing(transfer: Transfer): (Node | string)[] {
  const share = transfer.file.size === 0 ? 1 : transfer.sentBytes / transfer.file.size;
  const parts: (Node | string)[] = [word("standing", transfer.standing), " "];
  if (transfer.isOpen) {
    parts.push(say("upload.sent", { share: percent(share), sent: size(transfer.sentBytes), all: size(transfer.file.size) }));
  }
  if (transfer.standing === "sending" && transfer.bytesPerSecond > 0) {
    const rest = (transfer.file.size - transfer.sentBytes) / transfer.bytesPerSecond;
    parts.push(" ", say("upload.rest", { rate: size(transfer.bytesPerSecond), rest: clock(rest, 0) }));
  }
  if (transfer.refusal !== null) {
    parts.push(transfer.refusal.text === "" ? word("problem", String(transfer.refusal.status)) : transfer.refusal.text);
  }
  if (transfer.job !== null) {
    parts.push(h("a", { href: `/jobs/${transfer.job}` }, say("upload.to_job")));
  }
  return parts;
}

function digest(transfer: Transfer): (Node | string)[] {
  const received = transfer.receivedSha256;
  if (transfer.sha256 === undefined) {
    return [h("span", { class: "quiet" }, say("upload.hashing"))];
  }
  if (transfer.sha256 === null) {
    return [say("upload.no_hash")];
  }
  const compared = received === null ? "" : ` ${say(received === transfer.sha256 ? "upload.same_hash" : "upload.other_hash")}`;
  return ["SHA-256 ", h("code", null, transfer.sha256), h("strong", null, compared)];
}

function controls(transfer: Transfer, element: HTMLElement): HTMLElement[] {
  const name = transfer.file.name;
  const labelled = (text: string, act: () => Promise<unknown>): HTMLElement => {
    const button = action(say(text), act);
    button.setAttribute("aria-label", `${say(text)}: ${name}`);
    return button;
  };
  const drop = labelled("upload.drop_it", async () => {
    await transfer.drop();
    element.remove();
  });
  switch (transfer.standing) {
    case "sending":
      return [labelled("upload.pause", () => transfer.pause()), drop];
    case "paused":
    case "offline":
      return [labelled("upload.go_on", () => transfer.send()), drop];
    case "failed":
      return [labelled("upload.try_again", () => transfer.send()), drop];
    case "waiting":
      return [drop];
    case "done":
      return [];
  }
}
