// The list of robots and the list of alarms.

import { byId, el, keyed, setClass, setText } from "./dom.js";
import { clock, percent, robotState } from "./format.js";

export function showRobots({ robots, traffic }, selected, onSelect) {
  const absent = new Set(traffic.rules.absent_robots);
  keyed(byId("robot-list"), robots, {
    key: (robot) => robot.id,
    empty: "No robots.",
    create: (robot) =>
      el("li", {},
        el("button", { type: "button", "data-robot": robot.id, onclick: () => onSelect(robot.id) },
          el("span", { class: "shape" }),
          el("span", { class: "name", text: robot.id }),
          el("span", { class: "battery" }),
          el("span", { class: "state" }))),
    update: (item, robot) => {
      const button = item.firstChild;
      const [, , battery, state] = button.children;
      const flags = [robot.is_stopped && "stopped", !robot.is_online && "offline", robot.is_by_hand ? "by-hand" : robot.free && "astray"].filter(Boolean);
      setClass(button, ["robot", robot.kind, ...flags].join(" "));
      button.setAttribute("aria-pressed", String(robot.id === selected));
      setText(battery, `${robot.is_charging ? "⚡ " : ""}${percent(robot.battery_soc)}`);
      setClass(battery, `battery${robot.is_charging ? " charging" : robot.battery_soc !== null && robot.battery_soc < 0.2 ? " low" : ""}`);
      setText(state, robotState(robot, absent.has(robot.id)));
    },
  });
}

export function showAlarms(alarms) {
  setText(byId("alarm-count"), alarms.length ? String(alarms.length) : "");
  keyed(byId("alarm-list"), alarms, {
    key: (alarm) => alarm.id,
    empty: "No alarms.",
    create: () => el("li", {}, el("span", {}), el("small", {})),
    update: (item, alarm) => {
      setClass(item, `alarm ${alarm.severity}`);
      setText(item.children[0], alarm.text);
      setText(item.children[1], [alarm.robot, `since ${clock(alarm.since)}`].filter(Boolean).join(", "));
    },
  });
}
