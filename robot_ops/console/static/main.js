// Puts the page together: the live feed feeds, the parts show.

import { api } from "./api.js";
import { byId, setClass, setText } from "./dom.js";
import { clock, Names } from "./format.js";
import { Live } from "./live.js";
import { Maps } from "./maps.js";
import { showAlarms, showRobots } from "./robot_list.js";
import { RobotPanel } from "./robot_panel.js";
import { startStops } from "./stops.js";
import { TaskForm } from "./task_form.js";
import { TaskList } from "./task_list.js";
import { showEmergency, startTraffic, toggleLane } from "./traffic.js";
import { showTraffic } from "./traffic_list.js";

const RETRY = 1_000; // ms

startStops(); // before anything that may fail
startTraffic();
const site = await readSite();
document.title = `${site.title} – robot_ops`;
byId("site-title").textContent = site.title;

const live = new Live();
const names = new Names(site);
const maps = new Maps(site, live.hall, select, (lane) => toggleLane(lane, live.hall.traffic.rules));
const panel = new RobotPanel(site, names);
const tasks = new TaskList(site, names);
new TaskForm(site);
let selected = null;

live.addEventListener("change", (event) => show(event.detail));
live.addEventListener("link", showLink);
setInterval(showLink, 1_000);
live.start();

async function readSite() {
  for (;;) {
    try {
      return await api.site();
    } catch (error) {
      showBanner(`${error.message} Trying again.`);
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}

function select(robot) {
  selected = robot;
  panel.select(robot);
  maps.select(robot);
  showRobots(live.hall, selected, select);
  panel.show(live.hall);
}

function show(sections) {
  const { hall } = live;
  setText(byId("clock"), clock(hall.stamp));
  maps.take(sections);
  if (sections.has("robots") && selected === null && hall.robots.length) select(hall.robots[0].id);
  if (sections.has("robots") || sections.has("traffic")) showRobots(hall, selected, select);
  if (sections.has("traffic")) showEmergency(hall.traffic.rules.is_emergency);
  if (sections.has("traffic") || hall.traffic.waits.length) showTraffic(hall.traffic, hall.stamp, select);
  if (["robots", "tasks", "open_count", "traffic"].some((name) => sections.has(name))) {
    panel.show(hall);
    const open = hall.open_count ?? hall.tasks.filter((task) => task.is_open).length;
    const online = hall.robots.filter((robot) => robot.is_online).length;
    setText(byId("counts"), `${online} of ${hall.robots.length} robots online, ${open} open ${open === 1 ? "task" : "tasks"}`);
  }
  if (sections.has("tasks") || sections.has("open_count")) tasks.show(hall.tasks, hall.open_count);
  if (sections.has("alarms")) showAlarms(hall.alarms);
  if (sections.has("is_fleet_online")) showLink();
}

function showLink() {
  const badge = byId("fleet-badge");
  const isGood = live.isConnected && live.hall.is_fleet_online;
  setText(badge, !live.isConnected ? "no connection" : isGood ? "fleet online" : "fleet offline");
  setClass(badge, `badge ${isGood ? "good" : "bad"}`);
  document.body.classList.toggle("is-lost", !live.isConnected);
  if (live.isConnected) {
    byId("banner").hidden = true;
  } else if (live.heardAt !== null) {
    const age = Math.round((performance.now() - live.heardAt) / 1000);
    showBanner(`Connection to the console server lost. What you see is ${age} s old. Trying again. Stop robots by their own buttons.`);
  }
}

function showBanner(text) {
  const banner = byId("banner");
  setText(banner, text);
  banner.hidden = false;
}
