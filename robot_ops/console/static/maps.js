// The two maps: a large one of the chosen level, a small one of another.

import { byId, el } from "./dom.js";
import { words } from "./format.js";
import { colorPicture, readColors } from "./map_colors.js";
import { MapView } from "./map_view.js";
import { Motion } from "./motion.js";

const FRAME = 40; // ms between two drawings while something moves

export class Maps {
  constructor(site, hall, onSelect, onLane) {
    this.site = site;
    this.scene = {
      site, hall, motion: new Motion(), selected: null, isEditing: false, pictures: new Map(), colors: readColors(),
      radii: new Map(site.robots.map((robot) => [robot.id, robot.radius])),
    };
    this.main = new MapView(byId("main-map"), this.scene, onSelect, onLane);
    this.side = new MapView(byId("side-map"), this.scene, onSelect, onLane);
    this.views = site.levels.length > 1 ? [this.main, this.side] : [this.main];
    byId("desk").classList.toggle("one-level", site.levels.length < 2);
    byId("side-level").hidden = site.levels.length < 2;
    byId("zoom-in").addEventListener("click", () => this.main.zoom(1.3));
    byId("zoom-out").addEventListener("click", () => this.main.zoom(1 / 1.3));
    byId("zoom-fit").addEventListener("click", () => this.main.fit());
    byId("edit-lanes").addEventListener("click", () => this.edit(!this.scene.isEditing));
    byId("swap-level").addEventListener("click", () => this.show(this.side.level));
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.color());
    this.tabs = site.levels.map((level) =>
      el("button", { type: "button", role: "tab", "data-level": level.id, text: name(level), onclick: () => this.show(level) }));
    byId("level-tabs").append(...this.tabs);
    byId("level-tabs").addEventListener("keydown", (event) => this.key(event));
    this.show(site.levels[0]);
    this.color();
  }

  show(level) {
    const others = this.site.levels.filter((one) => one !== level);
    this.main.setLevel(level);
    for (const tab of this.tabs) {
      const isChosen = tab.dataset.level === level.id;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    if (others.length === 0) return;
    this.side.setLevel(others[0]);
    byId("side-name").textContent = name(others[0]);
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const { levels } = this.site;
    const index = (levels.indexOf(this.main.level) + step + levels.length) % levels.length;
    this.show(levels[index]);
    this.tabs[index].focus();
  }

  async color() {
    this.scene.colors = readColors();
    for (const level of this.site.levels) {
      if (level.map) this.scene.pictures.set(level.id, await colorPicture(level.map.url, this.scene.colors));
    }
    for (const view of this.views) view.redraw();
  }

  /** While lanes are edited a click closes or opens a lane instead of selecting a robot. */
  edit(isEditing) {
    this.scene.isEditing = isEditing;
    byId("edit-lanes").setAttribute("aria-pressed", String(isEditing));
    for (const view of this.views) {
      view.laneAt = null;
      view.canvas.classList.toggle("editing", isEditing);
    }
    this.wake();
  }

  select(robot) {
    this.scene.selected = robot;
    this.wake();
  }

  take(sections) {
    const now = performance.now();
    if (sections.has("robots")) this.scene.motion.takeRobots(this.scene.hall.robots, now);
    if (sections.has("people")) this.scene.motion.takePeople(this.scene.hall.people, now);
    this.wake();
  }

  /** Draw now, and on while something moves. */
  wake() {
    this.isDirty = true;
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.step(now));
  }

  step(now) {
    this.frame = null;
    if (this.isDirty || now - (this.drawn ?? 0) >= FRAME) {
      this.isDirty = false;
      this.drawn = now;
      for (const view of this.views) view.draw(performance.now());
    }
    if (this.scene.motion.isMoving(performance.now())) this.frame = requestAnimationFrame((next) => this.step(next));
  }
}

const name = (level) => words(level.id).replace(/^./, (letter) => letter.toUpperCase());
