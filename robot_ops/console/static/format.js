// Words and numbers for people.

export const words = (name) => (name ?? "").replaceAll("_", " ");

/** Return the time of day, or, for clocks that begin at zero, the time since. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds > 1e8) return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
  const whole = Math.floor(seconds);
  return [whole / 3600, (whole / 60) % 60, whole % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

export const percent = (ratio) => (ratio === null ? "–" : `${Math.round(ratio * 100)} %`);

/** Return in a word or two what a robot is doing. */
export function robotState(robot) {
  if (!robot.is_online) return "offline";
  if (robot.is_stopped) return robot.stopped_by ? `stopped by ${robot.stopped_by}` : "stopped";
  if (robot.is_by_hand) return "driven by hand";
  if (robot.at === null) return "not localized";
  if (robot.free) return "off the lanes";
  if (robot.phase) return words(robot.phase);
  return robot.is_charging ? "charging" : "idle";
}

export class Names {
  constructor(site) {
    this.places = new Map(site.places.map((place) => [place.id, place.label]));
    this.staff = new Map(site.staff.map((person) => [person.id, person.name]));
  }
  place(id) { return this.places.get(id) ?? id; }
  person(id) { return this.staff.get(id) ?? id; }

  task(task) {
    const request = task.request;
    const way = `${this.place(request.pickup)} → ${this.place(request.destination)}`;
    return request.kind === "guide" ? `Guide  ${way}` : `Deliver  ${way}`;
  }

  taskDetails(task) {
    const request = task.request;
    const parts = [];
    if (task.robot) parts.push(task.phase ? `${task.robot}, ${words(task.phase)}` : task.robot);
    if (request.kind === "guide") parts.push(`${request.party_size} ${request.party_size === 1 ? "visitor" : "visitors"}, ${request.language}`);
    else parts.push(`“${request.document}”, ${this.person(request.sender)} to ${this.person(request.recipient)}`);
    if (task.finished) parts.push(`ended ${clock(task.finished)}`);
    else if (task.estimated_finish) parts.push(`done about ${clock(task.estimated_finish)}`);
    if (task.reason) parts.push(task.reason);
    return parts.join(" · ");
  }
}
