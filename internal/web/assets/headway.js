// Keeps watch over the live part of a page. Server-sent events bring it new
// figures; when they stay away, it is asked for every few seconds instead, and
// when that fails too, the page says that its figures are old.
(function () {
  "use strict";

  const patience = 6000; // milliseconds without news

  const region = document.getElementById("live");
  const lost = document.getElementById("lost");
  if (!region || !lost) {
    return;
  }

  // What a visitor has opened stays open when the part is drawn anew.
  const opened = new Map();
  region.addEventListener("click", function (event) {
    const summary = event.target.closest("summary");
    if (summary && summary.parentElement.id) {
      opened.set(summary.parentElement.id, !summary.parentElement.open);
    }
  });
  function reopen() {
    opened.forEach(function (open, id) {
      const details = document.getElementById(id);
      if (details) {
        details.open = open;
      }
    });
  }

  let news = Date.now();
  let settled = false;

  function fresh() {
    news = Date.now();
    lost.hidden = true;
    reopen();
  }
  document.body.addEventListener("htmx:sseMessage", fresh);
  document.body.addEventListener("htmx:afterSwap", fresh);
  document.body.addEventListener("htmx:sseClose", function (event) {
    settled = event.detail.type === "message";
  });

  setInterval(function () {
    if (settled || document.hidden || Date.now() - news < patience) {
      return;
    }
    lost.hidden = Date.now() - news < 2 * patience;
    window.htmx.trigger(region, "poll");
  }, patience / 2);
})();
