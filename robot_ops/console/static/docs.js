// Shows the API's OpenAPI description.

import { byId, el } from "./dom.js";

const api = await (await fetch("/openapi.json")).json();
byId("title").textContent = api.info.title;
byId("about").textContent = api.info.description;

const nameOf = (schema) => schema?.$ref?.split("/").at(-1) ?? schema?.type ?? schema?.const ?? schema?.oneOf?.map(nameOf).join(" or ") ?? schema?.anyOf?.map(nameOf).join(" or ") ?? "any";

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, call] of Object.entries(methods)) {
    const body = call.requestBody?.content["application/json"]?.schema;
    byId("calls").append(el("section", {},
      el("span", { class: `method ${method.toUpperCase()}`, text: method.toUpperCase() }), el("code", { text: path }),
      el("p", { text: call.summary ?? "" }), body ? el("p", { class: "muted", text: `Body: ${nameOf(body)}` }) : ""));
  }
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, property]) =>
    el("tr", {}, el("td", {}, el("code", { text: field })), el("td", { text: String(nameOf(property)) }), el("td", { class: "muted", text: property.description ?? "" })));
  byId("bodies").append(el("section", {}, el("strong", { text: name }), el("table", {}, el("tbody", {}, ...rows))));
}
