// The list of tasks, open ones or all: those under way first, then those that wait, then those that ended.

import { api } from "./api.js";
import { byId, el, keyed, setClass, setText } from "./dom.js";
import { taskTimes, words } from "./format.js";
import { HandOver } from "./hand_over.js";
import { confirmWith, notify } from "./notices.js";
import { TaskDetails } from "./task_details.js";

const MOST = 200;
const ORDER = { blocked: 0, delayed: 1, underway: 2, standby: 3, queued: 4 };

export class TaskList {
  constructor(site, names) {
    this.names = names;
    this.handOver = new HandOver(site);
    this.details = new TaskDetails(names);
    this.tasks = [];
    this.openCount = null;
    this.showsAll = false;
    byId("show-open").addEventListener("click", () => this.filter(false));
    byId("show-all").addEventListener("click", () => this.filter(true));
  }

  filter(showsAll) {
    this.showsAll = showsAll;
    byId("show-open").setAttribute("aria-pressed", String(!showsAll));
    byId("show-all").setAttribute("aria-pressed", String(showsAll));
    this.show(this.tasks, this.openCount);
  }

  /** Show tasks; `openCount` are open in all, also those that are too many to be told. */
  show(tasks, openCount) {
    this.tasks = tasks;
    this.openCount = openCount;
    this.details.show(tasks);
    const rank = (task) => ORDER[task.status] ?? 5;
    const shown = tasks.filter((task) => this.showsAll || task.is_open)
      .sort((a, b) => rank(a) - rank(b) || b.submitted - a.submitted || (a.id < b.id ? 1 : -1)).slice(0, MOST);
    keyed(byId("task-list"), shown, {
      key: (task) => task.id,
      empty: this.showsAll ? "No tasks yet." : "No open tasks.",
      create: (task) => this.create(task),
      update: (item, task) => this.update(item, task),
    });
    const more = (openCount ?? 0) - shown.filter((task) => task.is_open).length;
    byId("more-tasks").hidden = more <= 0;
    setText(byId("more-tasks"), `${more} more wait for a robot.`);
  }

  create(task) {
    const now = () => this.tasks.find((one) => one.id === task.id) ?? task;
    const button = (name, text, label, act) => el("button", { type: "button", class: name, "aria-label": `${label} ${task.id}`, text, onclick: act });
    return el("li", { class: "task", "data-task": task.id },
      el("span", {}),
      el("button", { type: "button", class: "about", title: "Details of the task", onclick: () => this.details.open(now()) },
        el("span", { class: "what" }), el("span", { class: "more" }, el("span", { class: "when" }), el("span", { class: "rest" }))),
      el("span", { class: "do" },
        button("primary hand-over", "Hand over…", "Hand over the document of task", () => this.handOver.open(now())),
        button("by-key", "Taken out by key…", "Say who took out by key the document of task", () => this.handOver.openTakenOut(now())),
        button("keeper-code", "Keeper’s code", "Tell the code of who keeps the document of task", () => this.handOver.openKeeper(now())),
        button("cancel", "Cancel", "Cancel task", () => cancel(task.id))));
  }

  update(item, task) {
    const [status, about, actions] = item.children;
    setClass(status, `status ${task.status}`);
    setText(status, words(task.status));
    setText(about.firstChild, this.names.task(task));
    const [when, rest] = about.lastChild.children;
    const { text, isLate } = taskTimes(task);
    setClass(when, isLate ? "when late" : "when");
    setText(when, text);
    setText(rest, [text && " ", this.names.taskDetails(task)].filter(Boolean).join("· "));
    const [handOver, byKey, keeper, stop] = actions.children;
    handOver.hidden = !task.is_stranded;
    byKey.hidden = !task.key_robot;
    keeper.hidden = !task.keeper || task.is_stranded;
    stop.hidden = !task.is_open;
    setClass(item, task.is_stranded || task.key_robot || task.keeper ? "task stranded" : "task"); // its buttons get a line of their own
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
