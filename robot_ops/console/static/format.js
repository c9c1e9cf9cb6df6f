// Words and numbers for people.

const LATE = 60; // s after what was promised from which a task is late, as the fleet counts

export const words = (name) => (name ?? "").replaceAll("_", " ");

/** Return the time of day, or, for clocks that begin at zero, the time since. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds > 1e8) return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
  const whole = Math.floor(seconds);
  return [whole / 3600, (whole / 60) % 60, whole % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

/** Return the time of day to the minute, or, for clocks that begin at zero, the time since. */
export function minute(seconds) {
  if (seconds > 1e8) return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return clock(seconds);
}

export const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);

/** Return when a task is, or was, done and when that was promised; and whether it is later than that. */
export function taskTimes(task) {
  const done = task.finished ?? task.estimated_finish;
  if (done === null) return { text: "", isLate: false };
  const isOver = task.finished !== null;
  const isCompared = task.promised !== null && (!isOver || task.status === "completed");
  const late = isCompared ? done - task.promised : 0;
  const isLate = late >= LATE;
  const parts = [`${isOver ? (task.status === "completed" ? "done at" : "ended at") : "done by"} ${minute(done)}`];
  if (isCompared) parts.push(`promised ${minute(task.promised)}`);
  if (isLate) parts.push(`${duration(late)} late`);
  return { text: parts.join(", "), isLate };
}

export const percent = (ratio) => (ratio === null ? "–" : `${Math.round(ratio * 100)} %`);

/** Return in a word or two what a robot is doing. */
export function robotState(robot, isAbsent = false) {
  if (!robot.is_online) return isAbsent ? "taken out of the hall" : "offline";
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

  request(request) {
    if (request.kind === "guide") return `${request.party_size} ${request.party_size === 1 ? "visitor" : "visitors"}, ${request.language}`;
    return `“${request.document}”, ${this.person(request.sender)} to ${this.person(request.recipient)}`;
  }

  /** Return what keeps a task or how it ended; of one that goes as planned the reason is why it has its robot, which its details tell. */
  note(task) {
    return ["underway", "standby"].includes(task.status) ? "" : task.reason;
  }

  taskDetails(task) {
    const parts = [];
    if (task.robot) parts.push(task.phase ? `${task.robot}, ${words(task.phase)}` : task.robot);
    parts.push(this.request(task.request));
    const note = this.note(task);
    if (note) parts.push(note);
    return parts.join(" · ");
  }
}
