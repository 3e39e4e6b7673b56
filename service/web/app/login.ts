/** Log in with a key. */

import { logIn, Refusal } from "./api";
import { h } from "./dom";
import { say } from "./texts";
import type { Me } from "./types";
import { field, form, notice, type View } from "./view";

/** The form; `entered` is told who came in. */
export function loginView(entered: (me: Me) => void): View {
  const input = h("input", {
    type: "password",
    name: "key",
    required: true,
    autocomplete: "current-password",
    spellcheck: "false",
    autocapitalize: "none",
  });
  const content = h(
    "div",
    { class: "narrow" },
    h("h1", null, say("login.title")),
    h("p", { class: "lead" }, say("login.lead")),
    form(
      say("login.submit"),
      async (data) => {
        try {
          entered(await logIn(String(data.get("key")).trim()));
          return undefined;
        } catch (error) {
          if (error instanceof Refusal && error.status === 401) {
            input.select();
            return notice("problem", say("login.refused"));
          }
          throw error;
        }
      },
      // Password managers file a secret under a name.
      h("input", { type: "text", name: "username", autocomplete: "username", value: "unmask", hidden: true }),
      field(say("login.key"), input, say("login.key_hint")),
    ),
    h("p", { class: "quiet small" }, say("login.help")),
  );
  return { title: say("login.title"), content };
}
