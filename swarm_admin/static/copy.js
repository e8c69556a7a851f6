// Copy buttons: <button data-copy="id of the element whose text is copied">, which says so when it is done.
(() => {
  const SAID_FOR = 2000;

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("[data-copy-label]") || button;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = "Copied";
    } catch {
      // Not allowed, or no secure connection: it is selected, so that Ctrl-C copies it
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      label.textContent = "Selected: press Ctrl-C";
    }
    setTimeout(() => { label.textContent = before; }, SAID_FOR);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
})();
