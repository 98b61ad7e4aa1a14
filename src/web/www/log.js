// log.js - lines of a job's log, as they are logged.

const EVERY_MS = 1000, SHOWN = 2000;
const after = new WeakMap();

function append(box, lines) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  box.querySelector(".empty")?.remove();
  for (const line of lines) {
    const p = document.createElement("p");
    if (line.time) {
      const time = document.createElement("time");
      time.dateTime = line.time;
      time.dataset.local = "";
      time.textContent = line.time;
      p.append(time, " ");
    }
    p.append(line.text);
    box.append(p);
  }
  while (box.childElementCount > SHOWN) box.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
  after.set(box, lines.at(-1).id);
  document.dispatchEvent(new Event("refreshed"));
}

// False: there is no more to come.
async function look(box) {
  const live = box.dataset.live === "yes";
  const last = after.get(box) ?? box.dataset.after;
  const answer = await fetch(`/api/v1/jobs/${box.dataset.job}/log${
    last ? `?after=${encodeURIComponent(last)}` : ""}`);
  if (!answer.ok) return answer.status >= 500;
  const { lines } = await answer.json();
  if (lines.length > 0) append(box, lines);
  return live || lines.length > 0;
}

async function follow(box) {
  try {
    if (!await look(box)) return;
  } catch { /* the next time, perhaps */ }
  if (box.isConnected) setTimeout(follow, EVERY_MS, box);
}

const known = new WeakSet();

function start() {
  for (const box of document.querySelectorAll(".log[data-live=yes]"))
    if (!known.has(box)) {
      known.add(box);
      box.scrollTop = box.scrollHeight;
      follow(box);
    }
}

document.addEventListener("refreshed", start);
start();
