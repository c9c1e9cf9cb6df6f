// The list of tasks, open ones or all: those under way first, then those that wait, then those that ended.

import { api } from "./api.js";
import { byId, el, keyed, setClass, setText } from "./dom.js";
import { words } from "./format.js";
import { HandOver } from "./hand_over.js";
import { confirmWith, notify } from "./notices.js";

const MOST = 200;
const ORDER = { blocked: 0, delayed: 1, underway: 2, standby: 3, queued: 4 };

export class TaskList {
  constructor(site, names) {
    this.names = names;
    this.handOver = new HandOver(site);
    this.tasks = [];
    this.showsAll = false;
    byId("show-open").addEventListener("click", () => this.filter(false));
    byId("show-all").addEventListener("click", () => this.filter(true));
  }

  filter(showsAll) {
    this.showsAll = showsAll;
    byId("show-open").setAttribute("aria-pressed", String(!showsAll));
    byId("show-all").setAttribute("aria-pressed", String(showsAll));
    this.show(this.tasks);
  }

  show(tasks) {
    this.tasks = tasks;
    const rank = (task) => ORDER[task.status] ?? 5;
    const shown = tasks.filter((task) => this.showsAll || task.is_open)
      .sort((a, b) => rank(a) - rank(b) || b.submitted - a.submitted || (a.id < b.id ? 1 : -1)).slice(0, MOST);
    keyed(byId("task-list"), shown, {
      key: (task) => task.id,
      empty: this.showsAll ? "No tasks yet." : "No open tasks.",
      create: (task) => this.create(task),
      update: (item, task) => this.update(item, task),
    });
  }

  create(task) {
    const name = `Cancel task ${task.id}`, taken = `Hand over the document of task ${task.id}`;
    return el("li", { class: "task", "data-task": task.id },
      el("span", {}), el("span", { class: "what" }), el("span", { class: "more" }),
      el("button", { type: "button", class: "primary hand-over", "aria-label": taken, text: "Hand over…", hidden: true, onclick: () => this.handOver.open(task.id) }),
      el("button", { type: "button", class: "cancel", "aria-label": name, text: "Cancel", onclick: () => cancel(task.id) }));
  }

  update(item, task) {
    const [status, what, more, handOver, button] = item.children;
    setClass(status, `status ${task.status}`);
    setText(status, words(task.status));
    setText(what, this.names.task(task));
    const details = this.names.taskDetails(task);
    if (more.textContent !== details) {
      more.textContent = details;
      more.title = `${task.id}: ${details}`;
    }
    button.hidden = !task.is_open;
    handOver.hidden = !task.is_stranded;
  }
}

async function cancel(task) {
  if (!(await confirmWith(`Cancel task ${task}?`, "Cancel the task"))) return;
  try {
    await api.cancel(task, "canceled at the console");
    notify(`${task} is canceled.`);
  } catch (error) {
    notify(`${task} was not canceled. ${error.message}`, { isBad: true });
  }
}
