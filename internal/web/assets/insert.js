// Puts images into the newsletter that is being written, where the cursor is.
// Without scripts the line to copy stands beside each image.
(function () {
  "use strict";

  document.documentElement.classList.add("scripted");

  const body = document.getElementById("body");
  const upload = document.getElementById("image-form");
  if (!body || !upload) {
    return;
  }

  // The words for an image in the format that is chosen now.
  function words(button) {
    const format = document.querySelector('input[name="format"]:checked');
    switch (format && format.value) {
      case "html":
        return button.dataset.html;
      case "text":
        return button.dataset.address;
    }
    return button.dataset.markdown;
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-insert]");
    if (!button) {
      return;
    }
    body.focus();
    // This way it can be undone like everything that is typed.
    if (!document.execCommand("insertText", false, words(button))) {
      body.setRangeText(words(button), body.selectionStart, body.selectionEnd, "end");
      body.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });

  // What was uploaded is not uploaded again; what was refused stays to be looked at.
  document.addEventListener("htmx:afterSettle", function () {
    if (document.querySelector("#shelf .is-new")) {
      upload.reset();
    }
  });
})();
