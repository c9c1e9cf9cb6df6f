// Stopping and releasing robots, and who does it.

import { api } from "./api.js";
import { byId } from "./dom.js";
import { confirmWith, notify } from "./notices.js";

const KEY = "robot_ops operator";

export function startStops() {
  const field = byId("operator");
  field.value = localStorage.getItem(KEY) ?? "console";
  field.addEventListener("change", () => {
    field.value = field.value.trim() || "console";
    localStorage.setItem(KEY, field.value);
  });
  byId("stop-all").addEventListener("click", () => forAll(api.stopAll, "stopped"));
  byId("release-all").addEventListener("click", async () => {
    const text = "Release the stop of every robot? Robots with missions drive on as soon as they are commanded.";
    if (await confirmWith(text, "Release all")) await forAll(api.releaseAll, "released");
  });
}

export const operator = () => byId("operator").value.trim() || "console";

async function forAll(command, done) {
  try {
    const answer = await command(operator());
    notify(`All ${answer.confirmed.length} robots confirmed: ${done}.`);
  } catch (error) {
    const silent = Object.keys(error.body?.unconfirmed ?? {});
    notify(silent.length ? `NOT confirmed by ${silent.join(", ")}. All others are ${done}.` : error.message, { isBad: true });
  }
}

export async function stopRobot(robot) {
  try {
    await api.stop(robot, operator());
    notify(`${robot} confirmed: stopped.`);
  } catch (error) {
    notify(`${robot} did NOT confirm the stop. ${error.message}`, { isBad: true });
  }
}

export async function releaseRobot(robot) {
  try {
    await api.release(robot, operator());
    notify(`${robot} confirmed: released.`);
  } catch (error) {
    notify(`${robot} did not confirm the release. ${error.message}`, { isBad: true });
  }
}
