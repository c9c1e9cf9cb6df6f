// What operators impose and who waits for whom, on the map.

import { label } from "./map_label.js";

const REACH = 12; // pixels

/** Below robots: fire lanes in an emergency, speed limits, closed lanes, the lane under the pointer. */
export function drawRules(context, map, { site, hall, colors, laneAt, isEditing }) {
  const { rules } = hall.traffic;
  const level = map.level.id;
  for (const zone of site.zones) {
    if (zone.level !== level) continue;
    if (rules.is_emergency && zone.kind === "fire_lane") fillZone(context, map, zone, colors.stop);
    const limit = rules.speed_limits[zone.id];
    if (limit !== undefined) drawLimit(context, map, zone, limit, colors);
  }
  const closed = new Set(rules.closed_lanes);
  for (const lane of site.lanes) {
    if (lane.level !== level) continue;
    if (isEditing) drawLine(context, map, lane, colors.place, 1.5, []);
    if (closed.has(lane.id)) drawClosed(context, map, lane, colors);
    if (isEditing && laneAt === lane.id) drawPicked(context, map, lane, closed.has(lane.id), colors);
  }
}

/** Below robots: the circles that the others keep off, around robots that do not keep to the lanes. Returns their ids. */
export function drawFree(context, map, { hall, colors }) {
  const drawn = [];
  for (const robot of hall.robots) {
    if (robot.free?.level !== map.level.id) continue;
    const [x, y] = map.toScreen(robot.free.x, robot.free.y);
    const color = robot.is_by_hand ? colors.warn : colors.bad;
    context.beginPath();
    context.arc(x, y, Math.max(10, robot.free.radius * map.view.scale), 0, 2 * Math.PI);
    context.globalAlpha = 0.22;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.setLineDash([6, 4]);
    context.stroke();
    context.setLineDash([]);
    drawn.push(robot.id);
  }
  return drawn;
}

/** Above robots: an arrow from each that waits to each that it waits for. Returns "a>b" of those drawn. */
export function drawWaits(context, map, { hall, motion, colors }, now) {
  const drawn = [];
  for (const wait of hall.traffic.waits) {
    const from = motion.robots.get(wait.robot)?.at(now);
    if (from?.level !== map.level.id) continue;
    for (const other of wait.waits_for) {
      const to = motion.robots.get(other)?.at(now);
      if (to?.level !== map.level.id) continue;
      drawArrow(context, map.toScreen(from.x, from.y), map.toScreen(to.x, to.y), colors);
      drawn.push(`${wait.robot}>${other}`);
    }
  }
  return drawn;
}

/** Return the id of the lane of the map's level at a point of the canvas, null where there is none. */
export function laneNear(map, lanes, px, py) {
  let best = null;
  let least = REACH;
  for (const lane of lanes) {
    if (lane.level !== map.level.id) continue;
    const distance = toSegment(px, py, map.toScreen(...lane.start), map.toScreen(...lane.end));
    if (distance < least) [best, least] = [lane.id, distance];
  }
  return best;
}

function toSegment(px, py, [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const part = Math.min(1, Math.max(0, ((px - x1) * dx + (py - y1) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(px - x1 - part * dx, py - y1 - part * dy);
}

function fillZone(context, map, zone, color) {
  context.beginPath();
  for (const corner of zone.corners) context.lineTo(...map.toScreen(...corner));
  context.closePath();
  context.globalAlpha = 0.28;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = 1;
}

function drawLimit(context, map, zone, limit, colors) {
  fillZone(context, map, zone, colors.warn);
  const corners = zone.corners.map((corner) => map.toScreen(...corner));
  const x = corners.reduce((sum, corner) => sum + corner[0], 0) / corners.length;
  const y = Math.max(...corners.map((corner) => corner[1]));
  label(context, `≤ ${limit} m/s`, x, y + 9, colors.warn, colors.halo, 11, "650");
}

function drawLine(context, map, lane, color, width, dash) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(...map.toScreen(...lane.start));
  context.lineTo(...map.toScreen(...lane.end));
  context.stroke();
  context.setLineDash([]);
}

/** A red line with crosses on it: told from the others by shape, too. */
function drawClosed(context, map, lane, colors) {
  drawLine(context, map, lane, colors.halo, 6, []);
  drawLine(context, map, lane, colors.bad, 3, []);
  const [[x1, y1], [x2, y2]] = [map.toScreen(...lane.start), map.toScreen(...lane.end)];
  const crosses = Math.max(1, Math.floor(Math.hypot(x2 - x1, y2 - y1) / 40));
  context.lineWidth = 2.5;
  for (let index = 1; index <= crosses; index += 1) {
    const part = index / (crosses + 1);
    const [x, y] = [x1 + part * (x2 - x1), y1 + part * (y2 - y1)];
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x - 4.5, y - side * 4.5);
      context.lineTo(x + 4.5, y + side * 4.5);
    }
    context.strokeStyle = colors.bad;
    context.stroke();
  }
}

function drawPicked(context, map, lane, isClosed, colors) {
  drawLine(context, map, lane, isClosed ? colors.open : colors.bad, 5, [8, 4]);
  const [[x1, y1], [x2, y2]] = [map.toScreen(...lane.start), map.toScreen(...lane.end)];
  label(context, `${isClosed ? "open" : "close"} ${lane.id}`, (x1 + x2) / 2, (y1 + y2) / 2 - 12, colors.text, colors.halo, 12, "650");
}

function drawArrow(context, [x1, y1], [x2, y2], colors) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 1) return;
  const [u, v] = [(x2 - x1) / length, (y2 - y1) / length];
  const gap = Math.min(11, length / 3);
  const head = Math.min(9, length / 3);
  const [tailX, tailY, tipX, tipY] = [x1 + gap * u, y1 + gap * v, x2 - gap * u, y2 - gap * v];
  for (const [color, width] of [[colors.halo, 5], [colors.wait, 2]]) {
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = width;
    context.setLineDash(width === 2 ? [6, 3] : []);
    context.beginPath();
    context.moveTo(tailX, tailY);
    context.lineTo(tipX - head * u, tipY - head * v);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(tipX, tipY);
    context.lineTo(tipX - head * u - 0.55 * head * v, tipY - head * v + 0.55 * head * u);
    context.lineTo(tipX - head * u + 0.55 * head * v, tipY - head * v - 0.55 * head * u);
    context.closePath();
    context.fill();
  }
}
