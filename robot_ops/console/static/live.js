// The live feed: keeps the hall as it is now and connects anew by itself.

const SILENCE = 6_000; // ms; the server tells at least every 2 s that the link lives
const FIRST_WAIT = 300;
const LONGEST_WAIT = 3_000;

export class Live extends EventTarget {
  /** Events: "change" (detail: names of the sections that changed), "link" (see `isConnected`). */
  constructor() {
    super();
    this.hall = { stamp: null, robots: [], routes: {}, traffic: { waits: [], rules: { closed_lanes: [], speed_limits: {}, absent_robots: [], is_emergency: false } }, people: [], tasks: [], open_count: null, building: { doors: {}, lifts: {} }, alarms: [], is_fleet_online: false };
    this.isConnected = false;
    this.heardAt = null;
    this.wait = FIRST_WAIT;
  }

  start() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/live`);
    let timer = null;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => socket.close(), SILENCE);
    };
    watch();
    socket.onmessage = (event) => {
      watch();
      this.take(JSON.parse(event.data));
    };
    socket.onclose = () => {
      clearTimeout(timer);
      this.setConnected(false);
      setTimeout(() => this.start(), this.wait);
      this.wait = Math.min(this.wait * 1.6, LONGEST_WAIT);
    };
  }

  take(message) {
    Object.assign(this.hall, message);
    this.heardAt = performance.now();
    this.wait = FIRST_WAIT;
    this.setConnected(true);
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(Object.keys(message)) }));
  }

  setConnected(isConnected) {
    if (this.isConnected === isConnected) return;
    this.isConnected = isConnected;
    this.dispatchEvent(new Event("link"));
  }
}
