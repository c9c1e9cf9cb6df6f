// Calls of the console's HTTP API.

export class ApiError extends Error {
  constructor(message, { status = 0, field = "", body = null } = {}) {
    super(message);
    this.status = status;
    this.field = field;
    this.body = body;
  }
}

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(10_000), ...options });
  } catch {
    throw new ApiError("The console server does not answer.");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) {
    const text = body?.error ? [body.error, body.mend].filter(Boolean).join(". ") : `The server answered ${answer.status}.`;
    throw new ApiError(text, { status: answer.status, field: body?.field ?? "", body });
  }
  return body;
}

const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });

const robotPath = (robot) => `/api/robots/${encodeURIComponent(robot)}`;

export const api = {
  site: () => call("/api/site"),
  submit: (task) => post("/api/tasks", task),
  cancel: (task, reason) => post(`/api/tasks/${encodeURIComponent(task)}/cancel`, { reason }),
  handOver: (task, custodian) => post(`/api/tasks/${encodeURIComponent(task)}/hand_over`, { custodian }),
  takenOut: (task, person, operator) => post(`/api/tasks/${encodeURIComponent(task)}/taken_out`, { person, operator }),
  explain: (task) => call(`/api/tasks/${encodeURIComponent(task)}/explanation`),
  stop: (robot, operator) => post(`${robotPath(robot)}/stop`, { operator }),
  release: (robot, operator) => post(`${robotPath(robot)}/release`, { operator }),
  stopAll: (operator) => post("/api/stop_all", { operator }),
  releaseAll: (operator) => post("/api/release_all", { operator }),
  setLane: (lane, isClosed, operator) => post(`/api/traffic/lanes/${encodeURIComponent(lane)}`, { is_closed: isClosed, operator }),
  setZone: (zone, speed, operator) => post(`/api/traffic/zones/${encodeURIComponent(zone)}`, { speed, operator }),
  setAbsent: (robot, isAbsent, operator) => post(`/api/traffic/robots/${encodeURIComponent(robot)}`, { is_absent: isAbsent, operator }),
  setEmergency: (isOn, operator) => post("/api/traffic/emergency", { is_on: isOn, operator }),
  tree: (robot) => call(`${robotPath(robot)}/tree`),

  /** Return a picture as a Blob, null while there is none. */
  async picture(robot, camera) {
    const answer = await fetch(`${robotPath(robot)}/camera/${camera}.jpg`, { signal: AbortSignal.timeout(4_000) });
    return answer.status === 200 ? answer.blob() : null;
  },
};
