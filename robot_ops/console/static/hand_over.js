// The dialog in which an operator says who takes a document out of a robot that cannot go on; tells the code for it.

import { api } from "./api.js";
import { byId, el } from "./dom.js";

export class HandOver {
  constructor(site) {
    this.site = site;
    this.dialog = byId("hand-over-dialog");
  }

  open(task) {
    const places = new Map(this.site.places.map((place) => [place.id, place.label]));
    const people = this.site.staff.map((person) => el("option", { value: person.id, text: `${person.name}, ${places.get(person.place)}` }));
    this.problem = el("p", { class: "problem", role: "alert" });
    const form = el("form", { id: "hand-over-form", onsubmit: (event) => this.submit(event, task) },
      el("p", { text: "The robot opens where it stands for this person's code. Another robot fetches the document from them, with the same code." }),
      el("div", { class: "form" }, el("label", { class: "wide" }, el("span", { class: "muted", text: "Who takes it" }), el("select", { name: "custodian", required: true }, ...people))),
      this.problem,
      el("div", { class: "actions" },
        el("button", { type: "button", text: "Close", onclick: () => this.dialog.close() }),
        el("button", { class: "primary", id: "send-hand-over", text: "Hand over" })));
    this.dialog.replaceChildren(el("h2", { id: "hand-over-title", text: `Hand over the document of ${task}` }), form);
    this.dialog.showModal();
  }

  async submit(event, task) {
    event.preventDefault();
    const custodian = new FormData(event.target).get("custodian");
    try {
      this.tell(custodian, (await api.handOver(task, custodian)).code);
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  tell(custodian, code) {
    const name = this.site.staff.find((person) => person.id === custodian)?.name ?? custodian;
    this.dialog.replaceChildren(
      el("h2", { id: "hand-over-title", text: `Code of ${name}` }),
      el("p", { text: "To be entered at the robot, and again when another robot fetches the document." }),
      el("div", { class: "codes" }, el("div", {}, name, el("code", { id: "custodian-code", text: code }))),
      el("div", { class: "actions" }, el("button", { type: "button", class: "primary", text: "Close", onclick: () => this.dialog.close() })));
  }
}
