// What moves: doors, lifts, itineraries, people, robots.

import { label } from "./map_label.js";
import { drawFree, drawRules, drawWaits } from "./map_traffic.js";

/** Draw, and return what was drawn: {robots: ids, people: count, waits: "a>b", free: ids, closed: lanes}. */
export function drawHall(context, map, scene, now) {
  const { site, hall, motion, colors, selected } = scene;
  const level = map.level.id;
  drawRules(context, map, scene);
  for (const door of site.doors) if (door.level === level) drawDoor(context, map, door, hall.building.doors[door.id], colors);
  for (const lift of site.lifts) if (lift.stops[level]) drawCabin(context, map, lift, hall.building.lifts[lift.id] === level, colors);
  const free = drawFree(context, map, scene);
  const robots = hall.robots.filter((robot) => robot.at?.level === level);
  for (const robot of hall.robots) {
    const route = hall.routes[robot.id];
    if (route) drawRoute(context, map, route, robot, motion.robots.get(robot.id)?.at(now), colors, robot.id === selected);
  }
  let people = 0;
  for (const glide of motion.people) {
    const at = glide.at(now);
    if (at.level !== level) continue;
    people += 1;
    drawPerson(context, map, at, colors);
  }
  for (const robot of robots) drawRobot(context, map, robot, motion.robots.get(robot.id).at(now), scene.radii.get(robot.id) ?? 0.3, colors, robot.id === selected);
  const waits = drawWaits(context, map, scene, now);
  return { robots: robots.map((robot) => robot.id), people, waits, free, closed: hall.traffic.rules.closed_lanes };
}

function drawDoor(context, map, door, isOpen, colors) {
  const [x1, y1] = map.toScreen(...door.start);
  const [x2, y2] = map.toScreen(...door.end);
  context.strokeStyle = isOpen ? colors.open : colors.closed;
  context.lineWidth = 4;
  context.setLineDash(isOpen ? [3, Math.max(4, Math.hypot(x2 - x1, y2 - y1) - 6)] : []);
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
  context.setLineDash([]);
}

function drawCabin(context, map, lift, isHere, colors) {
  const [x, y] = map.toScreen(...lift.stops[map.level.id]);
  const half = 0.95 * map.view.scale;
  context.globalAlpha = 0.25;
  if (isHere) {
    context.fillStyle = colors.open;
    context.fillRect(x - half, y - half, 2 * half, 2 * half);
  }
  context.globalAlpha = 1;
  label(context, isHere ? "Lift here" : "Lift away", x, y - half - 6, colors.place, colors.halo, 10);
}

/** The rest of the way dashed, the cleared part of it solid. */
function drawRoute(context, map, route, robot, at, colors, isSelected) {
  const rest = restOf(route, at);
  if (!rest) return;
  context.strokeStyle = colors[robot.kind];
  context.lineJoin = "round";
  for (const [points, dash, width, alpha] of [[rest.planned, [5, 5], 1.5, 0.8], [rest.cleared, [], 3.5, 0.75]]) {
    context.setLineDash(dash);
    context.lineWidth = isSelected ? width + 1 : width;
    context.globalAlpha = isSelected ? 1 : alpha;
    context.beginPath();
    let isDrawing = false;
    for (const [level, x, y] of points) {
      const [u, v] = map.toScreen(x, y);
      if (level !== map.level.id) isDrawing = false;
      else if (isDrawing) context.lineTo(u, v);
      else {
        context.moveTo(u, v);
        isDrawing = true;
      }
    }
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
  const [level, x, y] = route.points.at(-1);
  if (level !== map.level.id) return;
  const [u, v] = map.toScreen(x, y);
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(u, v, 5, 0, 2 * Math.PI);
  context.stroke();
}

/** Return the points that still lie ahead, beginning at the robot. */
function restOf({ points, cleared }, at) {
  if (points.length === 0) return null;
  if (!at) return { cleared: points.slice(0, cleared + 1), planned: points.slice(cleared) };
  let next = null;
  let least = Infinity;
  for (let index = 0; index < points.length; index += 1) {
    const [a, b] = [points[Math.max(0, index - 1)], points[index]];
    if (a[0] !== at.level || b[0] !== at.level) continue;
    const distance = toSegment(at, a, b);
    if (distance < least - 1e-6) [next, least] = [index, distance];
  }
  if (next === null) return null;
  const here = [at.level, at.x, at.y];
  return { cleared: [here, ...points.slice(next, cleared + 1)], planned: [cleared >= next ? points[cleared] : here, ...points.slice(Math.max(next, cleared + 1))] };
}

function toSegment(at, [, x1, y1], [, x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const part = length ? Math.min(1, Math.max(0, ((at.x - x1) * dx + (at.y - y1) * dy) / length)) : 0;
  return Math.hypot(at.x - x1 - part * dx, at.y - y1 - part * dy);
}

function drawPerson(context, map, at, colors) {
  const [x, y] = map.toScreen(at.x, at.y);
  context.fillStyle = colors.person;
  context.beginPath();
  context.arc(x, y, Math.max(2.2, 0.2 * map.view.scale), 0, 2 * Math.PI);
  context.fill();
}

function drawRobot(context, map, robot, at, radius, colors, isSelected) {
  const [x, y] = map.toScreen(at.x, at.y);
  const r = Math.max(6.5, radius * map.view.scale);
  context.save();
  context.translate(x, y);
  if (isSelected) ring(context, r + 6, colors[robot.kind], 2);
  if (robot.is_stopped) ring(context, r + 3.5, colors.stop, 3.5);
  context.rotate(-at.yaw);
  context.globalAlpha = robot.is_online ? 1 : 0.4;
  context.fillStyle = colors[robot.kind];
  context.strokeStyle = colors.halo;
  context.lineWidth = 1.5;
  context.beginPath();
  if (robot.kind === "courier") context.roundRect(-r, -0.85 * r, 2 * r, 1.7 * r, 0.25 * r);
  else context.arc(0, 0, r, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.beginPath(); // the heading
  for (const [u, v] of [[0.75, 0], [-0.1, -0.5], [-0.1, 0.5]]) context.lineTo(u * r, v * r);
  context.closePath();
  context.fillStyle = colors.halo;
  context.fill();
  context.restore();
  label(context, robotLabel(robot), x, y + r + 11, labelColor(robot, colors), colors.halo, 11, "600");
  drawBattery(context, robot, x, y + r + 19, colors);
}

function robotLabel(robot) {
  if (robot.is_stopped) return `${robot.id} STOP`;
  if (!robot.is_online) return `${robot.id} offline`;
  if (robot.is_by_hand) return `${robot.id} by hand`;
  return robot.free ? `${robot.id} off the lanes` : robot.id;
}

function labelColor(robot, colors) {
  if (robot.is_stopped || !robot.is_online) return colors.bad;
  if (robot.is_by_hand) return colors.warn;
  return robot.free ? colors.bad : colors.text;
}

function ring(context, r, color, width) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.arc(0, 0, r, 0, 2 * Math.PI);
  context.stroke();
}

function drawBattery(context, robot, x, y, colors) {
  if (robot.battery_soc === null) return;
  const width = 26;
  context.fillStyle = colors.halo;
  context.fillRect(x - width / 2 - 1, y - 1, width + 2, 5);
  context.fillStyle = colors.lane;
  context.fillRect(x - width / 2, y, width, 3);
  context.fillStyle = robot.battery_soc < 0.2 ? colors.bad : robot.is_charging ? colors.open : colors.place;
  context.fillRect(x - width / 2, y, width * robot.battery_soc, 3);
}
