// Short messages at the foot of the page; bad news stays until it is read.

import { byId, el } from "./dom.js";

export function notify(text, { isBad = false } = {}) {
  const notice = el("div", { class: isBad ? "notice bad" : "notice" }, el("span", { text }));
  if (isBad) notice.append(el("button", { type: "button", "aria-label": "Dismiss", text: "✕", onclick: () => notice.remove() }));
  else setTimeout(() => notice.remove(), 4_000);
  byId("notices").append(notice);
  while (byId("notices").childElementCount > 4) byId("notices").firstChild.remove();
}

/** Ask; resolves to whether the answer was yes. */
export function confirmWith(text, yes) {
  const dialog = byId("confirm-dialog");
  return new Promise((resolve) => {
    dialog.replaceChildren(
      el("p", { id: "confirm-text", text }),
      el("form", { method: "dialog", class: "actions" },
        el("button", { value: "no", text: "Keep as it is", autofocus: true }),
        el("button", { value: "yes", class: "primary", text: yes })),
    );
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
