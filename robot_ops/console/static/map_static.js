// What does not move: floor and walls, zones, lanes, places, lifts.

const LABELS_FROM = 8; // pixels per meter
const ALL_LABELS_FROM = 26;
const QUIET = new Set(["charger", "waiting"]);

export function drawSite(context, map, { site, pictures, colors }) {
  drawFloor(context, map, pictures.get(map.level.id));
  for (const zone of site.zones) if (zone.level === map.level.id) drawZone(context, map, zone, colors);
  for (const lane of site.lanes) if (lane.level === map.level.id) drawLane(context, map, lane, colors);
  for (const lift of site.lifts) if (lift.stops[map.level.id]) drawLift(context, map, lift, colors);
  const taken = [];
  for (const place of site.places) if (place.level === map.level.id) drawPlace(context, map, place, colors, taken);
}

function drawFloor(context, map, picture) {
  if (!picture) return;
  const [west, south, east, north] = map.level.bounds;
  const [left, top] = map.toScreen(west, north);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, (east - west) * map.view.scale, (north - south) * map.view.scale);
}

function drawZone(context, map, zone, colors) {
  context.beginPath();
  for (const corner of zone.corners) context.lineTo(...map.toScreen(...corner));
  context.closePath();
  context.globalAlpha = 0.07;
  context.fillStyle = zone.kind === "queue" ? colors.zone : colors.closed;
  context.fill();
  context.globalAlpha = 1;
}

function drawLane(context, map, lane, colors) {
  const [x1, y1] = map.toScreen(...lane.start);
  const [x2, y2] = map.toScreen(...lane.end);
  context.strokeStyle = colors.lane;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
  if (!lane.is_one_way || map.view.scale < LABELS_FROM) return;
  context.save();
  context.translate((x1 + x2) / 2, (y1 + y2) / 2);
  context.rotate(Math.atan2(y2 - y1, x2 - x1));
  context.fillStyle = colors.lane;
  context.beginPath();
  context.moveTo(4, 0);
  context.lineTo(-2, -3);
  context.lineTo(-2, 3);
  context.fill();
  context.restore();
}

function drawLift(context, map, lift, colors) {
  const [x, y] = map.toScreen(...lift.stops[map.level.id]);
  const half = 0.95 * map.view.scale;
  context.strokeStyle = colors.place;
  context.lineWidth = 1.2;
  context.strokeRect(x - half, y - half, 2 * half, 2 * half);
}

function drawPlace(context, map, place, colors, taken) {
  const { scale } = map.view;
  const [x, y] = map.toScreen(place.x, place.y);
  const isQuiet = QUIET.has(place.kind);
  context.save();
  context.translate(x, y);
  context.globalAlpha = isQuiet ? 0.55 : 0.9;
  context.strokeStyle = colors.place;
  context.fillStyle = colors.place;
  context.lineWidth = 1.2;
  drawMark(context, place, Math.min(7, Math.max(3, 0.28 * scale)));
  context.restore();
  if (scale >= (isQuiet ? ALL_LABELS_FROM : LABELS_FROM)) drawLabel(context, map, place, colors, taken);
}

/** A charger is a bolt, a waiting spot a ring, whatever people come to a triangle that points at them. */
function drawMark(context, place, r) {
  context.beginPath();
  if (place.kind === "charger") {
    for (const [u, v] of [[0.3, -1.2], [-0.7, 0.2], [-0.05, 0.2], [-0.3, 1.2], [0.7, -0.2], [0.05, -0.2]]) context.lineTo(u * r, v * r);
    context.closePath();
    context.fill();
  } else if (place.kind === "waiting") {
    context.arc(0, 0, 0.8 * r, 0, 2 * Math.PI);
    context.stroke();
  } else {
    context.rotate(-place.yaw);
    for (const [u, v] of [[1, 0], [-0.6, -0.8], [-0.6, 0.8]]) context.lineTo(u * r, v * r);
    context.closePath();
    context.fill();
  }
}

/** Write the label where no other stands; where it is too wide its last word has to do. */
function drawLabel(context, map, place, colors, taken) {
  const size = Math.min(13, Math.max(9, 0.75 * map.view.scale));
  context.font = `${size}px system-ui, "DejaVu Sans", sans-serif`;
  const words = place.label.split(/ (?=\S+$)/);
  const [x, y] = map.toScreen(place.x + 0.95 * Math.cos(place.yaw), place.y + 0.95 * Math.sin(place.yaw));
  const isAbove = Math.sin(place.yaw) > 0.5;
  for (const lines of [place.label.length > 7 ? words : [place.label], words.slice(-1)]) {
    const width = Math.max(...lines.map((line) => context.measureText(line).width));
    const top = isAbove ? y - lines.length * size : y;
    const box = [x - width / 2 - 2, top, x + width / 2 + 2, top + lines.length * size];
    if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    taken.push(box);
    lines.forEach((line, index) => write(context, line, x, top + (index + 0.5) * size, colors));
    return;
  }
}

function write(context, text, x, y, colors) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = colors.halo;
  context.strokeText(text, x, y);
  context.fillStyle = colors.place;
  context.fillText(text, x, y);
}
