// Puts images into the newsletter that is being written, where the cursor is. One
// that is pasted or dropped there is uploaded first. Without scripts the line to
// copy stands beside each image.
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

  function insert(button) {
    body.focus();
    // This way it can be undone like everything that is typed.
    if (!document.execCommand("insertText", false, words(button))) {
      body.setRangeText(words(button), body.selectionStart, body.selectionEnd, "end");
      body.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-insert]");
    if (button) {
      insert(button);
    }
  });

  let awaited = false; // an upload whose image is to be put in when it is there

  // Uploads the first picture of what was pasted or dropped, if there is one.
  function take(event, transfer) {
    const file = Array.from(transfer ? transfer.files : []).find(function (file) {
      return file.type.startsWith("image/");
    });
    if (!file) {
      return;
    }
    event.preventDefault();
    const chosen = new DataTransfer();
    chosen.items.add(file);
    document.getElementById("image-file").files = chosen.files;
    awaited = true;
    upload.requestSubmit();
  }

  body.addEventListener("paste", function (event) {
    take(event, event.clipboardData);
  });
  body.addEventListener("drop", function (event) {
    take(event, event.dataTransfer);
  });

  // What was uploaded is not uploaded again; what was refused stays to be looked at.
  document.addEventListener("htmx:afterSettle", function () {
    const added = document.querySelector("#shelf .is-new [data-insert]");
    if (added) {
      upload.reset();
      if (awaited) {
        insert(added);
      }
    }
    awaited = false;
  });
})();
