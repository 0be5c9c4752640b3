// Saves a newsletter while it is written: a few seconds after the last
// keystroke, when the page is left, and with Ctrl+S. It never saves over what
// somebody else has saved since: then it stops, and says so.
(function () {
  "use strict";

  const pause = 3000; // milliseconds after the last keystroke
  const again = 15000; // until a save that did not come through is tried again

  const form = document.getElementById("compose");
  const saved = document.getElementById("saved-at");
  const problem = document.getElementById("autosave-problem");
  if (!form || !saved || !problem || form.dataset.overtaken) {
    return;
  }
  let kept = written();
  let timer = 0;
  let underway = null; // a promise while a save is on its way
  let stopped = false;

  function written() {
    const fields = new URLSearchParams(new FormData(form));
    fields.delete("revision");
    return fields.toString();
  }

  function clock(time) {
    return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  }

  function say(words, time) {
    saved.textContent = words;
    if (time) {
      saved.title = new Date(time).toString();
    }
  }

  function complain(words, link) {
    problem.textContent = words;
    if (link) {
      const a = document.createElement("a");
      a.href = link.href;
      a.target = "_blank";
      a.textContent = link.words;
      problem.append(" ", a);
    }
    problem.hidden = false;
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  }

  function save(leaving) {
    clearTimeout(timer);
    const now = written();
    if (stopped || underway || now === kept) {
      return;
    }
    underway = send(now, leaving === true).finally(function () {
      underway = null;
      if (!stopped && problem.hidden && written() !== kept) {
        later(pause);
      }
    });
  }

  async function send(now, leaving) {
    const fields = new URLSearchParams(now);
    fields.set("revision", form.elements.revision.value);
    let response, answer;
    try {
      response = await fetch(form.dataset.autosave, { method: "POST", body: fields, keepalive: leaving && now.length < 60000 });
      answer = await response.json();
    } catch {
      if (response && response.status === 401) {
        complain("Not saved: you are logged out. What you wrote is kept in this window; log in again in another one.");
      } else if (response && response.status >= 400 && response.status < 500) {
        complain("Not saved: the server refused it. Press Save to read why; what you wrote is kept in this window.");
        return;
      } else {
        complain("Not saved: the server does not answer. What you wrote is kept in this window, and saved when it does.");
      }
      later(again);
      return;
    }
    if (response.ok) {
      kept = now;
      problem.hidden = true;
      form.elements.revision.value = answer.revision;
      adopt(answer.id);
      say("Saved " + clock(answer.at), answer.at);
      return;
    }
    if (response.status === 409) {
      stopped = true;
    }
    const when = answer.at ? " at " + clock(answer.at) : "";
    complain(answer.words.replace("{time}", when), answer.id && { href: "/campaigns/" + answer.id + "/edit", words: "Look at the newer one" });
  }

  // A newsletter that was saved for the first time has an address from then on.
  function adopt(id) {
    const path = "/campaigns/" + id;
    if (form.dataset.autosave === path + "/autosave") {
      return;
    }
    form.dataset.autosave = path + "/autosave";
    form.action = path + "/edit";
    document.getElementById("leave").href = path;
    history.replaceState(null, "", path + "/edit");
  }

  form.addEventListener("input", function () {
    if (!stopped) { // also after a complaint: what is written now may mend it
      later(pause);
    }
  });
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) {
      save(true);
    }
  });
  document.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    }
  });
  form.addEventListener("submit", function (event) {
    clearTimeout(timer);
    if (!underway) {
      stopped = true;
      return;
    }
    event.preventDefault(); // two saves at once would overtake each other
    const button = event.submitter;
    underway.then(function () {
      form.requestSubmit(button);
    });
  });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      location.reload(); // what came back out of the browser's memory may be old
    }
  });
})();
