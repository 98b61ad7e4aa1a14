// main.js - what pages can do beyond being read. They are whole without it.

import "./act.js";
import "./chart.js";
import "./live.js";
import "./log.js";

document.documentElement.classList.add("js");

// On a phone the page that this is may be far to the right among its like.
for (const link of document.querySelectorAll("nav [aria-current=page]")) {
  const nav = link.closest("nav"), at = link.getBoundingClientRect();
  nav.scrollLeft += at.left - nav.getBoundingClientRect().left -
    (nav.clientWidth - at.width) / 2;
}

// Moments in the reader's own time; the page has them in UTC.
const format = new Intl.DateTimeFormat("sv-SE", {
  dateStyle: "short", timeStyle: "medium" });

function localize() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    time.title = `${time.dateTime} (UTC)`;
    time.textContent = `${format.format(when)}.${
      String(when.getUTCMilliseconds()).padStart(3, "0")}`;
  }
}

document.addEventListener("refreshed", localize);
localize();
