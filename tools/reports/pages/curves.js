"use strict";
// Tells the values of a chart under the pointer, or at the place that the arrow keys lead to.
const {places, panels} = JSON.parse(document.getElementById("curve-data").textContent);
const tip = document.getElementById("tip");
const number = (value, digits = 5) => value === null ? "-" : String(Number(value.toPrecision(digits)));

// A place on an axis in units of the view box, or back.
function axisOf(text) {
  const [low, high, from, to, log] = text.split(" ");
  const scale = log ? Math.log : Number, first = scale(low), last = scale(high);
  return {
    place: (value) => +from + (scale(value) - first) / (last - first) * (to - from),
    value: (at) => +low + (at - from) / (to - from) * (high - low),
  };
}

function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, i) => {
    if (value !== null && Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
  });
  return best;
}

// What a chart shows: its lines, and where they lie.
function chartOf(svg) {
  const kind = svg.parentNode.classList.contains("by-seconds") ? "seconds" : "steps";
  const lines = panels[svg.closest("[data-panel]").dataset.panel];
  return {kind, lines, x: axisOf(svg.dataset.x), y: axisOf(svg.dataset.y)};
}

function draw(svg, name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.classList.add("cursor");
  svg.append(element);
}

function hide() {
  tip.hidden = true;
  document.querySelectorAll(".cursor").forEach((element) => element.remove());
}

// Marks the points nearest to a value of the x axis; `index` of the first line wins over it.
function show(svg, value, index) {
  hide();
  const {kind, lines, x, y} = chartOf(svg);
  const first = places[lines[0].at];
  svg.index = index ?? nearest(first[kind], value);
  const at = first[kind][svg.index], place = x.place(at);
  const [top, bottom] = svg.dataset.y.split(" ").slice(2, 4);
  draw(svg, "line", {x1: place, x2: place, y1: top, y2: bottom, stroke: "currentColor"});
  tip.replaceChildren(`${number(at, 9)} ${kind}, update ${number(first.update[svg.index], 9)}`);
  for (const line of lines) {
    const i = nearest(places[line.at][kind], at), found = line.y[i];
    const cx = x.place(places[line.at][kind][i]), cy = y.place(found);
    if (found !== null && isFinite(cy)) draw(svg, "circle", {cx, cy, r: 3.5, fill: line.colour});
    let text = `${line.name || "value"} ${number(found)}`;
    if (line.smooth) text += `, mean ${number(line.smooth[i])}`;
    if (line.low && line.low[i] !== null) text += ` [${number(line.low[i])}, ${number(line.high[i])}]`;
    const row = document.createElement("div"), mark = document.createElement("i");
    mark.style.background = line.colour;
    row.append(mark, text);
    tip.append(row);
  }
  tip.hidden = false;
  const box = svg.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const screenX = box.left + place / svg.viewBox.baseVal.width * box.width;
  const left = screenX + 12 + size.width < innerWidth ? screenX + 12 : screenX - 12 - size.width;
  tip.style.left = Math.max(0, left) + "px";
  tip.style.top = Math.max(0, Math.min(box.top + 30, innerHeight - size.height)) + "px";
}

const moves = {
  ArrowLeft: (i) => i - 1, ArrowRight: (i) => i + 1, PageUp: (i) => i - 20, PageDown: (i) => i + 20,
  Home: () => 0, End: (i, last) => last,
};
function key(event) {
  const svg = event.currentTarget;
  if (event.key === "Escape") return hide();
  if (!moves[event.key]) return;
  event.preventDefault();
  const {lines} = chartOf(svg), last = places[lines[0].at].update.length - 1;
  show(svg, 0, Math.min(last, Math.max(0, moves[event.key](svg.index ?? -1, last))));
}

for (const svg of document.querySelectorAll("svg[data-x][data-y]")) {
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    show(svg, chartOf(svg).x.value(at));
  };
  svg.tabIndex = 0;
  svg.addEventListener("pointermove", under);
  svg.addEventListener("pointerdown", under);
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", key);
}
