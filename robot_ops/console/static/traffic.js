// What operators impose on traffic: closed lanes, speed limits, robots taken out, emergencies. Each asks before it acts.

import { api } from "./api.js";
import { byId } from "./dom.js";
import { confirmWith, notify } from "./notices.js";
import { operator } from "./stops.js";

const BEGIN = "Declare an emergency? All robots clear fire lanes and lift lobbies, go to a refuge and stay there. No lift is used.";
const END = "End the emergency? Robots go on with their tasks.";

export function startTraffic() {
  byId("emergency").addEventListener("click", () => ask(BEGIN, "Declare an emergency", () => api.setEmergency(true, operator()), "Emergency declared."));
  byId("end-emergency").addEventListener("click", () => ask(END, "End the emergency", () => api.setEmergency(false, operator()), "The emergency is over."));
}

export function showEmergency(isOn) {
  byId("emergency-banner").hidden = !isOn;
  byId("emergency").hidden = isOn;
}

/** Close the lane, or open it where it is closed. */
export function toggleLane(lane, rules) {
  return rules.closed_lanes.includes(lane) ? openLane(lane) : closeLane(lane);
}

export function closeLane(lane) {
  const text = `Close lane ${lane} for robots? One that is on it drives on to its end; the others go round.`;
  return ask(text, "Close the lane", () => api.setLane(lane, true, operator()), `Lane ${lane} is closed.`);
}

export function openLane(lane) {
  return ask(`Open lane ${lane} for robots again?`, "Open the lane", () => api.setLane(lane, false, operator()), `Lane ${lane} is open.`);
}

/** Say that a silent robot was carried away, so that the others need not keep off where it was. */
export function takeOut(robot) {
  const text = `Was ${robot} taken out of the hall? Robots will drive where it was last. Look that it is gone.`;
  return ask(text, "It was taken out", () => api.setAbsent(robot, true, operator()), `${robot} was taken out of the hall.`);
}

export function bringBack(robot) {
  return ask(`Is ${robot} in the hall again?`, "It is back", () => api.setAbsent(robot, false, operator()), `${robot} is in the hall again.`);
}

export function unlimitZone(zone) {
  return ask(`Lift the speed limit of zone ${zone}?`, "Lift the limit", () => api.setZone(zone, null, operator()), `Zone ${zone} has no limit any more.`);
}

async function ask(text, yes, command, done) {
  if (!(await confirmWith(text, yes))) return;
  try {
    await command();
    notify(done);
  } catch (error) {
    notify(`Nothing was changed. ${error.message}`, { isBad: true });
  }
}
