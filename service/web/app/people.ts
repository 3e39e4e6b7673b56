/** People and their keys, for administrators. */

import { get, send } from "./api";
import { foreign, h } from "./dom";
import { day, say } from "./texts";
import type { FreshKey, Key, Person, Scope } from "./types";
import { action, field, form, grid, notice, type Place, section, type View } from "./view";

const SCOPES: readonly Scope[] = ["submit", "read", "review", "admin"];

/** The page. */
export async function peopleView(place: Place): Promise<View> {
  const [people, keys] = await Promise.all([get<Person[]>("/v1/people", place.signal), get<Key[]>("/v1/keys", place.signal)]);
  const content = [
    h("h1", null, say("people.title")),
    section("keys", say("people.keys"), table(place, keys), making(people)),
    section("persons", say("people.persons"), list(people), adding(place)),
  ];
  return { title: say("people.title"), content };
}

function table(place: Place, keys: readonly Key[]): HTMLElement {
  return grid(
    say("people.keys"),
    [say("people.person"), say("people.label"), say("people.scopes"), say("people.made"), say("people.expires"), say("people.revoke")],
    keys.map((key) => [
      foreign(key.name, 200),
      foreign(key.label, 200),
      key.scopes.map((scope) => say(`scope.${scope}`)).join(", "),
      day(key.created_at),
      key.expires_at === null ? say("people.never") : day(key.expires_at),
      key.revoked_at === null ? revoking(place, key) : say("people.revoked", { day: day(key.revoked_at) }),
    ]),
    "headed",
  );
}

/** Asked twice: whoever revokes the key of this session is out. */
function revoking(place: Place, key: Key): HTMLElement {
  const sure = action(say("people.revoke_sure"), async () => {
    await send("DELETE", `/v1/keys/${key.id}`);
    place.again();
  });
  return h("details", { class: "inline-details" }, h("summary", { "aria-label": say("people.revoke_of", { name: key.name, label: key.label }) }, say("people.revoke")), sure);
}

function making(people: readonly Person[]): HTMLElement {
  const made = form(
    say("people.make"),
    async (data) => {
      const days = String(data.get("days"));
      const key = await send<FreshKey>("POST", "/v1/keys", {
        person: String(data.get("person")),
        label: String(data.get("label")),
        scopes: data.getAll("scopes").map(String),
        days: days === "" ? null : Number(days),
      });
      return secret(key);
    },
    field(say("people.person"), h("select", { name: "person", required: true }, people.map((person) => h("option", { value: person.id }, person.name)))),
    field(say("people.label"), h("input", { name: "label", required: true, maxlength: 200, autocomplete: "off" }), say("people.label_hint")),
    h(
      "fieldset",
      { class: "choices" },
      h("legend", null, say("people.scopes")),
      SCOPES.map((scope) => h("label", { class: "inline" }, h("input", { type: "checkbox", name: "scopes", value: scope, checked: scope !== "admin" }), " ", say(`scope.${scope}`))),
    ),
    field(say("people.days"), h("input", { name: "days", type: "number", min: 1, max: 3650 }), say("people.days_hint")),
  );
  return h("details", null, h("summary", null, say("people.new_key")), made);
}

/** Shown once, and never again. */
function secret(key: FreshKey): HTMLElement {
  const shown = h("code", { class: "secret" }, key.secret);
  return notice(
    "done",
    h("p", null, say("people.secret", { name: key.name })),
    h("p", null, shown),
    action(say("people.copy"), async () => {
      await navigator.clipboard.writeText(key.secret);
    }),
  );
}

function list(people: readonly Person[]): HTMLElement {
  return h(
    "ul",
    { class: "plain lines" },
    people.map((person) => h("li", { class: "line" }, h("div", { class: "line-name" }, foreign(person.name, 200)), h("div", { class: "line-facts" }, h("code", null, person.id), h("span", { class: "quiet" }, day(person.created_at))))),
  );
}

function adding(place: Place): HTMLElement {
  return h(
    "details",
    null,
    h("summary", null, say("people.new_person")),
    form(
      say("people.add"),
      async (data) => {
        await send("POST", "/v1/people", { name: String(data.get("name")) });
        place.again();
        return undefined;
      },
      field(say("people.name"), h("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" })),
    ),
  );
}
