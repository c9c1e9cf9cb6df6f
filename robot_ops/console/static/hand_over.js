// The dialogs in which an operator says who takes, or took by key, a document out of a robot; they tell the code for it.

import { api } from "./api.js";
import { byId, el } from "./dom.js";
import { operator } from "./stops.js";

export class HandOver {
  constructor(site) {
    this.site = site;
    this.dialog = byId("hand-over-dialog");
  }

  /** Ask who shall take the document out of a robot that cannot go on. */
  open(task) {
    this.ask({
      title: "Hand over the document",
      texts: [`${task.id}: the robot opens where it stands for this person's code. Another robot fetches the document from them, with the same code.`],
      question: "Who takes it",
      yes: "Hand over",
      send: async (person) => {
        const { code } = await api.handOver(task.id, person);
        this.tell(person, code, "To be entered at the robot, and again when another robot fetches the document.");
      },
    });
  }

  /** Tell the code of who takes the document at an exchange, or has it until the next robot comes. */
  async openKeeper(task) {
    try {
      const { code } = await api.handOver(task.id, task.keeper);
      this.tell(task.keeper, code, "To be entered at the robot that brings the document, and at the one that fetches it.");
    } catch (error) {
      this.show("No code", el("p", { class: "problem", role: "alert", text: error.message }));
    }
    this.dialog.showModal();
  }

  /** Ask who has taken the document out of a robot by key. */
  openTakenOut(task) {
    const robot = task.key_robot;
    this.ask({
      title: `Document taken out of ${robot} by key`,
      texts: [
        `${task.id}: only say so when somebody has opened ${robot} with a key and has the document. It is written down with both names: theirs, and yours as operator “${operator()}”.`,
        task.is_open ? "Another robot fetches the document from them. If they are its recipient, the task is done." : "The task has ended; nothing is fetched.",
      ],
      question: "Who has it now",
      yes: "Write it down",
      send: async (person) => {
        const { code } = await api.takenOut(task.id, person, operator());
        if (code) this.tell(person, code, "To be entered when another robot fetches the document.");
        else this.show("Written down", el("p", { text: `${this.name(person)} has the document of ${task.id}. No robot comes for it.` }));
      },
    });
  }

  ask({ title, texts, question, yes, send }) {
    const places = new Map(this.site.places.map((place) => [place.id, place.label]));
    const people = this.site.staff.map((person) => el("option", { value: person.id, text: `${person.name}, ${places.get(person.place)}` }));
    const problem = el("p", { class: "problem", role: "alert" });
    const submit = async (event) => {
      event.preventDefault();
      try {
        await send(new FormData(event.target).get("person"));
      } catch (error) {
        problem.textContent = error.message;
      }
    };
    const form = el("form", { id: "hand-over-form", onsubmit: submit },
      ...texts.map((text) => el("p", { text })),
      el("div", { class: "form" }, el("label", { class: "wide" }, el("span", { class: "muted", text: question }), el("select", { name: "person", required: true }, ...people))),
      problem,
      el("div", { class: "actions" },
        el("button", { type: "button", text: "Close", onclick: () => this.dialog.close() }),
        el("button", { class: "primary", id: "send-hand-over", text: yes })));
    this.dialog.replaceChildren(el("h2", { id: "hand-over-title", text: title }), form);
    this.dialog.showModal();
  }

  tell(person, code, use) {
    const name = this.name(person);
    this.show(`Code of ${name}`,
      el("p", { text: use }),
      el("div", { class: "codes one" }, el("div", {}, name, el("code", { id: "custodian-code", text: code }))));
  }

  show(title, ...parts) {
    this.dialog.replaceChildren(
      el("h2", { id: "hand-over-title", text: title }), ...parts,
      el("div", { class: "actions" }, el("button", { type: "button", class: "primary", text: "Close", onclick: () => this.dialog.close() })));
  }

  name(person) {
    return this.site.staff.find((one) => one.id === person)?.name ?? person;
  }
}
