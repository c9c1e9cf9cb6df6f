// One map on one canvas: pan, zoom, fit, and when to draw.

import { drawHall } from "./map_live.js";
import { drawSite } from "./map_static.js";
import { laneNear } from "./map_traffic.js";

const MOST = 120; // pixels per meter
const MARGIN = 10; // pixels
const PAN = 60;

export class MapView {
  /** `scene` has site, hall, motion, selected, pictures and colors; `onSelect` is called with a robot's id, `onLane`, while lanes are edited, with a lane's. */
  constructor(canvas, scene, onSelect, onLane) {
    this.canvas = canvas;
    this.scene = scene;
    this.onSelect = onSelect;
    this.onLane = onLane;
    this.laneAt = null;
    this.back = document.createElement("canvas");
    this.level = null;
    this.isFitted = true;
    this.view = { scale: 10, x: 0, y: 0 }; // of the canvas' center, in pixels per meter and meters
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  setLevel(level) {
    this.level = level;
    this.canvas.dataset.level = level.id;
    this.fit();
  }

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  fit() {
    if (!this.level) return;
    const [west, south, east, north] = this.level.bounds;
    const [width, height] = this.size;
    const scale = Math.min((width - 2 * MARGIN) / (east - west), (height - 2 * MARGIN) / (north - south));
    this.view = { scale: Math.max(scale, 1), x: (west + east) / 2, y: (south + north) / 2 };
    this.isFitted = true;
    this.redraw();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = this.size;
    for (const canvas of [this.canvas, this.back]) {
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
    }
    if (this.isFitted) this.fit();
    else this.redraw();
  }

  zoom(factor, [px, py] = this.size.map((length) => length / 2)) {
    const before = this.toMap(px, py);
    this.view.scale = Math.min(MOST, Math.max(4, this.view.scale * factor));
    const after = this.toMap(px, py);
    this.moveBy(before.x - after.x, before.y - after.y);
  }

  moveBy(x, y) {
    const [west, south, east, north] = this.level.bounds;
    this.view.x = Math.min(east, Math.max(west, this.view.x + x));
    this.view.y = Math.min(north, Math.max(south, this.view.y + y));
    this.isFitted = false;
    this.redraw();
  }

  toMap(px, py) {
    const [width, height] = this.size;
    return { x: this.view.x + (px - width / 2) / this.view.scale, y: this.view.y - (py - height / 2) / this.view.scale };
  }

  toScreen(x, y) {
    const [width, height] = this.size;
    return [width / 2 + (x - this.view.x) * this.view.scale, height / 2 - (y - this.view.y) * this.view.scale];
  }

  /** Draw everything anew at the next frame. */
  redraw() {
    this.isBackOld = true;
    this.draw(performance.now());
  }

  draw(now) {
    if (!this.level || this.canvas.clientWidth === 0) return;
    const ratio = devicePixelRatio || 1;
    if (this.isBackOld) {
      this.isBackOld = false;
      const context = this.back.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, ...this.size);
      drawSite(context, this, this.scene);
      this.canvas.dataset.view = `${this.view.scale} ${this.view.x} ${this.view.y}`; // for tests
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.back, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const seen = drawHall(context, this, { ...this.scene, laneAt: this.laneAt }, now);
    this.describe(seen);
  }

  /** Tell the drawing in words, for screen readers and tests. */
  describe({ robots, people, waits, free, closed }) {
    const told = [`Map of level ${this.level.id}: ${robots.length ? robots.join(", ") : "no robot"}; ${people} people`];
    if (waits.length) told.push(`waiting: ${waits.map((wait) => wait.replace(">", " for ")).join(", ")}`);
    if (free.length) told.push(`not on the lanes: ${free.join(", ")}`);
    if (closed.length) told.push(`closed lanes: ${closed.join(", ")}`);
    const text = told.join("; ");
    if (this.canvas.getAttribute("aria-label") === text) return;
    this.canvas.setAttribute("aria-label", text);
    this.canvas.dataset.robots = robots.join(" ");
    this.canvas.dataset.people = String(people);
    this.canvas.dataset.waits = waits.join(" ");
    this.canvas.dataset.free = free.join(" ");
    this.canvas.dataset.closed = closed.join(" ");
  }

  listen() {
    const { canvas } = this;
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      drag = { x: event.offsetX, y: event.offsetY, hasMoved: false };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) {
        this.point(event.offsetX, event.offsetY);
        return;
      }
      const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
      if (!drag.hasMoved && Math.hypot(dx, dy) < 4) return;
      drag = { x: event.offsetX, y: event.offsetY, hasMoved: true };
      this.moveBy(-dx / this.view.scale, dy / this.view.scale);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (drag && !drag.hasMoved) this.click(event.offsetX, event.offsetY);
      drag = null;
    });
    canvas.addEventListener("pointerleave", () => this.point(-1e6, -1e6));
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 500), [event.offsetX, event.offsetY]);
    }, { passive: false });
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const step = PAN / this.view.scale;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) this.moveBy(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  /** While lanes are edited, mark the one under the pointer. */
  point(px, py) {
    const lane = this.scene.isEditing ? laneNear(this, this.scene.site.lanes, px, py) : null;
    if (lane === this.laneAt) return;
    this.laneAt = lane;
    this.draw(performance.now());
  }

  click(px, py) {
    if (this.scene.isEditing) {
      const lane = laneNear(this, this.scene.site.lanes, px, py);
      if (lane) this.onLane(lane);
      return;
    }
    const { x, y } = this.toMap(px, py);
    const reach = Math.max(0.6, 14 / this.view.scale);
    let best = null;
    let least = reach;
    for (const robot of this.scene.hall.robots) {
      if (robot.at?.level !== this.level.id) continue;
      const distance = Math.hypot(robot.at.x - x, robot.at.y - y);
      if (distance < least) [best, least] = [robot.id, distance];
    }
    if (best) this.onSelect(best);
  }
}
