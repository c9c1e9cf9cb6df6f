// All about one task; why it has its robot, and what others would make of it, is asked for when it is opened.

import { api } from "./api.js";
import { byId, el, setClass, setText } from "./dom.js";
import { clock, duration, taskTimes, words } from "./format.js";

const MOST = 12; // robots in the table; the rest only as a number

export class TaskDetails {
  constructor(names) {
    this.names = names;
    this.dialog = byId("task-details");
    this.task = null;
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.dialog.close(); // it is no modal one: STOP ALL stays within reach
    });
    this.dialog.addEventListener("close", () => { this.task = null; });
  }

  open(task) {
    this.task = task.id;
    this.status = el("span", {});
    this.facts = el("dl", { class: "facts" });
    this.why = el("div", { class: "why", "aria-live": "polite" });
    this.dialog.replaceChildren(
      el("div", { class: "row" },
        el("h2", { id: "task-details-title", text: `${this.names.task(task)}` }), this.status,
        el("button", { type: "button", class: "close", "aria-label": "Close", text: "✕", onclick: () => this.dialog.close() })),
      this.facts,
      el("div", { class: "row" },
        el("h3", { text: task.is_open ? "Why this robot" : "Which robot" }),
        el("button", { type: "button", id: "ask-why", text: "Ask again", onclick: () => this.explain() })),
      this.why);
    this.update(task);
    if (!this.dialog.open) this.dialog.show();
    this.explain();
  }

  /** Show the task as it is now, if it is the one that is open. */
  show(tasks) {
    const task = this.task && tasks.find((one) => one.id === this.task);
    if (task) this.update(task);
  }

  update(task) {
    setClass(this.status, `status ${task.status}`);
    setText(this.status, words(task.status));
    const { text, isLate } = taskTimes(task);
    const request = task.request;
    const facts = [
      ["Task", task.id],
      ["What", this.names.request(request)],
      ["Asked for", clock(task.submitted)],
      ["When", text || "–", isLate && "late"],
      ["Robot", task.robot ? [task.robot, words(task.phase)].filter(Boolean).join(", ") : "none yet"],
    ];
    if (request.due) facts.push(["Due", clock(request.due), task.is_open && task.estimated_finish > request.due && "late"]);
    const note = this.names.note(task);
    if (note) facts.push([task.is_open ? "Note" : "How it ended", note]);
    this.facts.replaceChildren(...facts.flatMap(([name, value, mark]) => [el("dt", { text: name }), el("dd", { class: mark || "", text: value })]));
  }

  async explain() {
    const task = this.task;
    this.why.replaceChildren(el("p", { class: "muted", text: "Asking the fleet…" }));
    let parts;
    try {
      const { lines, options } = await api.explain(task);
      parts = [...lines.map((line) => el("p", { text: line })), ...(options.length ? [optionTable(options)] : [])];
    } catch (error) {
      parts = [el("p", { class: "problem", text: error.message })];
    }
    if (task === this.task) this.why.replaceChildren(...parts);
  }
}

function optionTable(options) {
  const head = ["Robot", "At the pickup in", "Done in", "Others wait"].map((text) => el("th", { scope: "col", text }));
  const rows = options.slice(0, MOST).map((option) => {
    const name = el("th", { scope: "row", text: option.robot });
    if (option.obstacle) return el("tr", { class: "cannot" }, name, el("td", { colspan: "3", text: `cannot: ${option.obstacle}` }));
    const late = option.late > 0 ? `, ${duration(option.late)} late` : "";
    const cost = option.is_chosen ? "the choice" : option.cost === null ? "–" : costText(option.cost);
    return el("tr", { class: option.is_chosen ? "chosen" : "" }, name,
      el("td", { text: option.arrival === null ? "–" : duration(option.arrival) }),
      el("td", { class: late ? "late" : "", text: option.finish === null ? "–" : duration(option.finish) + late }),
      el("td", { text: cost }));
  });
  const more = options.length - rows.length;
  if (more > 0) rows.push(el("tr", { class: "cannot" }, el("td", { colspan: "4", text: `and ${more} more robots` })));
  return el("table", { class: "options" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
}

const costText = (cost) => (Math.round(cost) === 0 ? "the same" : `${duration(Math.abs(cost))} ${cost > 0 ? "more" : "less"}`);
