// Smooth motion between the positions that arrive a few times a second.

const GLIDE = 260; // ms, a little more than the time between two messages
const JUMP = 2.5; // m; farther than this nobody glides
const SAME_PERSON = 0.7; // m between two messages

const turn = (from, to) => Math.atan2(Math.sin(to - from), Math.cos(to - from));

class Glide {
  constructor(at, now) {
    this.from = at;
    this.to = at;
    this.start = now;
  }

  aim(at, now) {
    const here = this.at(now);
    const isNear = here.level === at.level && Math.hypot(here.x - at.x, here.y - at.y) < JUMP;
    this.from = isNear ? here : at;
    this.to = at;
    this.start = now;
  }

  at(now) {
    const part = Math.min(1, (now - this.start) / GLIDE);
    const { from, to } = this;
    return { level: to.level, x: from.x + part * (to.x - from.x), y: from.y + part * (to.y - from.y), yaw: (from.yaw ?? 0) + part * turn(from.yaw ?? 0, to.yaw ?? 0) };
  }

  isMoving(now) {
    return now - this.start < GLIDE && this.from !== this.to;
  }
}

export class Motion {
  constructor() {
    this.robots = new Map();
    this.people = [];
  }

  takeRobots(robots, now) {
    const seen = new Set();
    for (const robot of robots) {
      if (!robot.at) continue;
      seen.add(robot.id);
      const glide = this.robots.get(robot.id);
      if (glide) glide.aim(robot.at, now);
      else this.robots.set(robot.id, new Glide(robot.at, now));
    }
    for (const id of this.robots.keys()) if (!seen.has(id)) this.robots.delete(id);
  }

  /** People come without names: each is taken for whoever stood nearest. */
  takePeople(people, now) {
    const free = new Set(this.people);
    this.people = people.map(([level, x, y]) => {
      let best = null;
      let least = SAME_PERSON;
      for (const glide of free) {
        const distance = glide.to.level === level ? Math.hypot(glide.to.x - x, glide.to.y - y) : Infinity;
        if (distance < least) [best, least] = [glide, distance];
      }
      if (!best) return new Glide({ level, x, y }, now);
      free.delete(best);
      best.aim({ level, x, y }, now);
      return best;
    });
  }

  isMoving(now) {
    return [...this.robots.values(), ...this.people].some((glide) => glide.isMoving(now));
  }
}
