// Who waits for whom, and what operators have imposed.

import { byId, el, keyed, setClass, setText } from "./dom.js";
import { words } from "./format.js";
import { openLane, unlimitZone } from "./traffic.js";

export const waitingTime = (since, now) => {
  const seconds = Math.max(0, Math.round(now - since));
  return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

export function showTraffic({ waits, rules }, now, onSelect) {
  const items = [
    ...waits.map((wait) => ({ key: `wait ${wait.robot}`, wait })),
    ...rules.closed_lanes.map((lane) => ({ key: `lane ${lane}`, text: `Lane ${lane} closed`, undo: "Open", act: () => openLane(lane) })),
    ...Object.entries(rules.speed_limits).map(([zone, speed]) => ({ key: `zone ${zone}`, text: `${words(zone)} at most ${speed} m/s`, undo: "Lift", act: () => unlimitZone(zone) })),
  ];
  setText(byId("traffic-count"), waits.length ? String(waits.length) : "");
  keyed(byId("traffic-list"), items, {
    key: (item) => item.key,
    empty: "Nobody waits.",
    create: (item) => (item.wait ? waitItem(item.wait, onSelect) : ruleItem(item)),
    update: (element, item) => (item.wait ? updateWait(element, item.wait, now) : setText(element.firstChild, item.text)),
  });
}

function waitItem(wait, onSelect) {
  return el("li", {}, el("button", { type: "button", class: "wait", "data-wait": wait.robot, onclick: () => onSelect(wait.robot) },
    el("span", { class: "who" }), el("span", { class: "since" }), el("small", {})));
}

function updateWait(element, wait, now) {
  const [who, since, text] = element.firstChild.children;
  setText(who, wait.waits_for.length ? `${wait.robot} \u2192 ${wait.waits_for.join(", ")}` : wait.robot);
  setText(since, waitingTime(wait.since, now));
  setText(text, wait.text);
  setClass(element, wait.waits_for.length ? "" : "stuck");
}

function ruleItem(item) {
  return el("li", { class: "rule", "data-rule": item.key }, el("span", {}), el("button", { type: "button", "aria-label": `${item.undo}: ${item.text}`, text: item.undo, onclick: item.act }));
}
