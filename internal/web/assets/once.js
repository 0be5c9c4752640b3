// Many people click everything twice: a form is sent once. After a while it may be
// sent again, since the first try may never have arrived.
(function () {
  "use strict";

  const rest = 3000; // milliseconds

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") {
      return;
    }
    if (Date.now() - Number(form.dataset.sent || 0) < rest) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = Date.now();
  });

  // A page that somebody comes back to is as if it were new.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
    });
  });
})();
