// The dialog in which a task is submitted; tells a delivery's one-time codes, once.

import { api } from "./api.js";
import { byId, el } from "./dom.js";
import { clock } from "./format.js";

const newId = () => `console-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("")}`;

export class TaskForm {
  constructor(site) {
    this.site = site;
    this.dialog = byId("task-dialog");
    byId("new-task").addEventListener("click", () => this.open("guide"));
  }

  open(kind) {
    this.requestId = newId(); // the same for every try, so that a task whose answer was lost is not made twice
    this.show(kind);
    if (!this.dialog.open) this.dialog.showModal();
  }

  show(kind) {
    const kinds = [["guide", "Guide a visitor"], ["deliver", "Deliver a document"]].map(([id, text]) =>
      el("button", { type: "button", "data-kind": id, "aria-pressed": String(id === kind), text, onclick: () => this.show(id) }));
    this.problem = el("p", { class: "problem", role: "alert" });
    this.send = el("button", { class: "primary", id: "send-task", text: "Submit" });
    const form = el("form", { id: "task-form", onsubmit: (event) => this.submit(event, kind) },
      el("div", { class: "form" }, ...(kind === "guide" ? this.guideFields() : this.deliverFields()), ...this.commonFields()),
      this.problem,
      el("div", { class: "actions" }, el("button", { type: "button", text: "Close", onclick: () => this.dialog.close() }), this.send));
    this.dialog.replaceChildren(el("h2", { id: "task-dialog-title", text: "New task" }), el("div", { class: "kinds" }, ...kinds), form);
  }

  guideFields() {
    const places = this.site.places.map((place) => [place.id, place.label, place.kind]);
    const kiosksFirst = [...places.filter((p) => p[2] === "kiosk"), ...places.filter((p) => p[2] !== "kiosk" && p[2] !== "charger")];
    const goals = places.filter((p) => !["charger", "waiting", "kiosk"].includes(p[2]));
    const languages = this.site.languages.length ? this.site.languages : ["en"];
    return [
      select("pickup", "Visitor waits at", kiosksFirst),
      select("destination", "Lead to", goals),
      select("language", "Language", languages.map((language) => [language, languageName(language)])),
      input("party_size", "Visitors", { type: "number", min: 1, max: 8, value: 1, required: true }),
    ];
  }

  deliverFields() {
    const places = new Map(this.site.places.map((place) => [place.id, place.label]));
    const people = this.site.staff.map((person) => [person.id, `${person.name}, ${places.get(person.place)}`]);
    return [
      select("sender", "From", people),
      select("recipient", "To", [...people.slice(1), ...people.slice(0, 1)]),
      input("document", "Document", { maxlength: 200, required: true, autocomplete: "off" }, "wide"),
    ];
  }

  commonFields() {
    const priorities = [[0, "Ordinary"], [5, "Urgent"], [-5, "When there is time"]];
    return [
      select("priority", "Priority", priorities),
      input("due_in", "Due in, minutes", { type: "number", min: 1, max: 1440, placeholder: "no hurry" }),
    ];
  }

  async submit(event, kind) {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target));
    const task = { kind, request_id: this.requestId, priority: Number(fields.priority), due_in: fields.due_in ? Number(fields.due_in) * 60 : null };
    if (kind === "guide") {
      Object.assign(task, { pickup: fields.pickup, destination: fields.destination, language: fields.language, party_size: Number(fields.party_size) });
    } else {
      const placeOf = new Map(this.site.staff.map((person) => [person.id, person.place]));
      Object.assign(task, { sender: fields.sender, recipient: fields.recipient, document: fields.document, pickup: placeOf.get(fields.sender), destination: placeOf.get(fields.recipient) });
    }
    this.send.disabled = true;
    this.problem.textContent = "";
    try {
      this.tell(await api.submit(task));
    } catch (error) {
      this.problem.textContent = error.message;
      for (const field of event.target.elements) field.setAttribute?.("aria-invalid", String(field.name !== "" && field.name === error.field));
    }
    this.send.disabled = false;
  }

  tell(accepted) {
    const codes = accepted.sender_code
      ? [el("p", { text: "One-time codes. They are shown only now: give each person theirs." }),
        el("div", { class: "codes" },
          el("div", {}, "Sender", el("code", { id: "sender-code", text: accepted.sender_code })),
          el("div", {}, "Recipient", el("code", { id: "recipient-code", text: accepted.recipient_code })))]
      : [];
    this.dialog.replaceChildren(
      el("h2", { id: "task-dialog-title", text: `Accepted as ${accepted.task_id}` }),
      el("p", { class: "muted", text: `Done by about ${clock(accepted.estimated_finish)}` }),
      ...codes,
      el("div", { class: "actions" },
        el("button", { type: "button", text: "Another", onclick: () => this.open("guide") }),
        el("button", { type: "button", class: "primary", id: "close-task", text: "Close", autofocus: true, onclick: () => this.dialog.close() })));
    byId("close-task").focus();
  }
}

function languageName(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code;
  }
}

function select(name, label, options) {
  const list = el("select", { name, required: true }, ...options.map(([value, text]) => el("option", { value, text })));
  return el("label", {}, el("span", { class: "muted", text: label }), list);
}

function input(name, label, attributes, className = "") {
  return el("label", { class: className }, el("span", { class: "muted", text: label }), el("input", { name, ...attributes }));
}
