// Lets buttons copy the text beside them. Without scripts they are not there,
// and a click on the text selects all of it.
(function () {
  "use strict";

  document.documentElement.classList.add("scripted");

  // Where the browser keeps its clipboard to HTTPS, the old way still works.
  function copy(element) {
    if (navigator.clipboard) {
      return navigator.clipboard.writeText(element.textContent);
    }
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy") ? Promise.resolve() : Promise.reject(new Error("not copied"));
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-copy]");
    const element = button && document.getElementById(button.dataset.copy);
    if (!element) {
      return;
    }
    const words = button.dataset.words || button.textContent;
    button.dataset.words = words;
    copy(element).then(function () {
      button.textContent = "Copied";
    }, function () {
      button.textContent = "Select it";
    }).then(function () {
      setTimeout(function () {
        button.textContent = words;
      }, 2000);
    });
  });
})();
