// All about one robot: state, stop, screen, camera, behavior tree.

import { api } from "./api.js";
import { byId, el, keyed, setClass, setText } from "./dom.js";
import { percent, robotState, words } from "./format.js";
import { releaseRobot, stopRobot } from "./stops.js";
import { bringBack, takeOut } from "./traffic.js";
import { waitingTime } from "./traffic_list.js";

const PICTURE_EVERY = 500; // ms
const TREE_EVERY = 1_000;
const NEEDS_REASON = new Set(["blocked", "delayed"]);
const MARKS = { RUNNING: "▶", SUCCESS: "✓", FAILURE: "✗", INVALID: "·" };

export class RobotPanel {
  constructor(site, names) {
    this.robots = new Map(site.robots.map((robot) => [robot.id, robot]));
    this.names = names;
    this.robot = null;
    this.root = byId("detail");
    setInterval(() => this.refreshPicture(), PICTURE_EVERY);
    setInterval(() => this.refreshTree(), TREE_EVERY);
  }

  select(robot) {
    if (robot === this.robot) return;
    this.robot = robot;
    this.camera = this.robots.get(robot)?.cameras[0] ?? null;
    this.build();
    this.refreshPicture();
    this.refreshTree();
  }

  build() {
    const id = this.robot;
    this.name = el("span", { text: id });
    this.badge = el("span", { class: "badge" });
    this.facts = el("dl", { class: "facts" });
    this.screen = el("div", { class: "screen", "aria-label": "What stands on its screen" });
    this.picture = el("img", { alt: `Picture of ${id}'s camera`, hidden: true });
    this.noPicture = el("span", { text: "no picture" });
    this.tree = el("ul", { class: "tree", "aria-label": "Behavior tree" });
    this.cameraButtons = (this.robots.get(id)?.cameras ?? []).map((camera) =>
      el("button", { type: "button", "data-camera": camera, "aria-pressed": String(camera === this.camera), text: words(camera), onclick: () => this.choose(camera) }));
    this.takenOut = el("button", { type: "button", id: "take-out", text: "Was taken out of the hall…", hidden: true, onclick: () => takeOut(id) });
    this.broughtBack = el("button", { type: "button", id: "bring-back", text: "Is in the hall again…", hidden: true, onclick: () => bringBack(id) });
    this.root.replaceChildren(
      el("div", { class: `title ${this.robots.get(id)?.kind ?? ""}` }, el("span", { class: "shape" }), this.name, this.badge),
      el("div", { class: "stop-row" },
        el("button", { type: "button", class: "stop", id: "stop-robot", text: "STOP", "aria-label": `Stop ${id}`, onclick: () => stopRobot(id) }),
        el("button", { type: "button", id: "release-robot", text: "Release", "aria-label": `Release ${id}`, onclick: () => releaseRobot(id) })),
      this.facts, this.takenOut, this.broughtBack,
      el("h2", { text: "Screen" }), this.screen,
      el("div", { class: "camera-bar", role: "group", "aria-label": "Camera" }, el("h2", { text: "Camera" }), ...this.cameraButtons),
      el("div", { class: "camera" }, this.picture, this.noPicture),
      el("h2", { text: "Behavior" }), this.tree);
  }

  choose(camera) {
    this.camera = camera;
    for (const button of this.cameraButtons) button.setAttribute("aria-pressed", String(button.dataset.camera === camera));
    this.showPicture(null);
    this.refreshPicture();
  }

  show(hall) {
    const robot = hall.robots.find((one) => one.id === this.robot);
    if (!robot) return;
    const isAbsent = hall.traffic.rules.absent_robots.includes(robot.id);
    setText(this.badge, robotState(robot, isAbsent));
    const isBad = robot.is_stopped || !robot.is_online || (robot.free && !robot.is_by_hand);
    setClass(this.badge, `badge ${isBad ? "bad" : robot.is_by_hand ? "warn" : "good"}`);
    this.takenOut.hidden = robot.is_online || isAbsent;
    this.broughtBack.hidden = !isAbsent;
    setText(this.screen, robot.screen || "–");
    const task = hall.tasks.find((one) => one.id === robot.task_id);
    const wait = hall.traffic.waits.find((one) => one.robot === robot.id);
    const waited = wait && `${wait.text} (${waitingTime(wait.since, hall.stamp)})`;
    const facts = [
      ["Battery", `${percent(robot.battery_soc)}${robot.is_charging ? ", charging" : ""}`, robot.battery_soc !== null && robot.battery_soc < 0.2],
      ["Task", task ? this.names.task(task) : robot.task_id ?? "–"],
      ["Phase", words(robot.phase) || "–"],
      ["Waits for", waited || robot.waiting_for || (NEEDS_REASON.has(task?.status) && task.reason) || "–"],
      ["Safety", robot.safety || "–", robot.is_stopped],
      ["At", robot.at ? `${robot.at.level}  ${robot.at.x.toFixed(1)}, ${robot.at.y.toFixed(1)} m` : "unknown", robot.at === null],
      ["Speed", robot.speed === null ? "–" : `${robot.speed.toFixed(1)} m/s`],
    ];
    if (!robot.is_online) facts.unshift(["Heard", "not any more; this is the last it told", true]);
    this.facts.classList.toggle("stale", !robot.is_online);
    if (robot.kind === "courier") facts.push(["Cargo", robot.cargo.map(words).join(", ") || "empty"]);
    this.showFacts(facts);
  }

  showFacts(facts) {
    if (this.facts.childElementCount !== facts.length * 2) {
      this.facts.replaceChildren(...facts.flatMap(([name]) => [el("dt", { text: name }), el("dd")]));
    }
    facts.forEach(([, value, isBad], index) => {
      const cell = this.facts.children[2 * index + 1];
      setText(cell, value);
      setClass(cell, isBad ? "bad" : "");
    });
  }

  async refreshPicture() {
    const { robot, camera } = this;
    if (!robot || !camera || document.hidden || this.isAsking) return;
    this.isAsking = true;
    const picture = await api.picture(robot, camera).catch(() => null);
    this.isAsking = false;
    if (robot === this.robot && camera === this.camera) this.showPicture(picture);
  }

  showPicture(blob) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = blob ? URL.createObjectURL(blob) : null;
    if (blob) this.picture.src = this.address;
    this.picture.hidden = !blob;
    this.noPicture.hidden = Boolean(blob);
  }

  async refreshTree() {
    const { robot } = this;
    if (!robot || document.hidden) return;
    const rows = await api.tree(robot).catch(() => []);
    if (robot !== this.robot) return;
    keyed(this.tree, rows.map((row, index) => ({ ...row, index })), {
      key: (row) => row.index,
      empty: "No mission.",
      create: () => el("li", {}, el("span", { class: "mark" }), el("span", { class: "node" }), el("span", { class: "type" })),
      update: (item, row) => {
        setClass(item, `depth-${Math.min(row.depth, 8)} ${row.status}`);
        setText(item.children[0], MARKS[row.status] ?? "·");
        setText(item.children[1], words(row.name));
        setText(item.children[2], row.type === row.name ? "" : row.type);
        item.children[0].setAttribute("aria-label", row.status.toLowerCase());
      },
    });
  }
}
