// chart.js - two charts of the last two minutes, from what each refresh of the
// page brings: runs a second, and jobs that wait.

const SAMPLES = 60, WIDTH = 600, HEIGHT = 100, SVG = "http://www.w3.org/2000/svg";
const samples = [];

const charts = [
  { id: "rate", title: "Runs a second, live", kind: "a", of: s => s.rate,
    text: n => `${n >= 10 ? Math.round(n) : n.toFixed(1)} /s` },
  { id: "depth", title: "Jobs that wait, live", kind: "b", of: s => s.queued,
    text: n => n.toLocaleString("en") },
];

function make({ id, title, kind }) {
  const figure = document.createElement("figure");
  figure.className = "chart live";
  figure.dataset.own = "";
  figure.innerHTML = `<figcaption>${title} <b></b></figcaption>
    <div class="plot"><span class="top"></span><svg viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none" role="img"><path class="area k-${kind}"/><path
    class="line k-${kind}" vector-effect="non-scaling-stroke"/></svg></div>
    <div class="axis"><span>2 min ago</span><span>now</span></div>`;
  figure.dataset.chart = id;
  return figure;
}

const nice = value => {
  const scale = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(step => value <= step * scale) * scale;
};

function draw(chart, figure) {
  const values = samples.map(chart.of).map(value => value ?? 0);
  const top = nice(Math.max(1, ...values)), now = values.at(-1);
  const points = values.map((value, i) => [
    WIDTH - (values.length - 1 - i) * WIDTH / (SAMPLES - 1),
    HEIGHT - value / top * (HEIGHT - 2) - 1]);
  const line = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("") + (points.length === 1 ? "h0" : "");
  figure.querySelector(".line").setAttribute("d", line);
  figure.querySelector(".area").setAttribute("d",
    `${line}L${WIDTH} ${HEIGHT}L${points[0][0].toFixed(1)} ${HEIGHT}Z`);
  figure.querySelector(".top").textContent = chart.text(top);
  figure.querySelector("b").textContent = chart.text(now);
  figure.querySelector("svg").setAttribute("aria-label",
    `${chart.title}: now ${chart.text(now)}`);
}

function sample(box) {
  const at = Number(box.dataset.now) / 1e6, total = Number(box.dataset.total);
  const tile = document.querySelector(".tiles [data-n=queued]");
  const queued = Number(tile?.textContent.replaceAll(",", "") ?? 0);
  const last = samples.at(-1);
  if (last && at <= last.at) return;
  const rate = last ? Math.max(0, (total - last.total) / (at - last.at)) : null;
  samples.push({ at, total, queued, rate });
  if (samples.length > SAMPLES) samples.shift();
  if (samples.length === 2) samples[0].rate = rate;
}

function show() {
  const box = document.querySelector(".charts");
  if (!box) return;
  sample(box);
  let figures = [...box.querySelectorAll(".live")];
  if (figures.length === 0) {
    figures = charts.map(make);
    box.prepend(...figures);
  }
  charts.forEach((chart, i) => draw(chart, figures[i]));
}

document.addEventListener("refreshed", show);
show();
