// Selection in the list of leads: a count, the page's box, and the bar that appears.
(() => {
  const boxes = (form) => [...form.querySelectorAll("[data-row-select]")];

  function show(form) {
    const all = boxes(form);
    const on = all.filter((box) => box.checked).length;
    const page = form.querySelector("[data-selection-page]");
    form.querySelector("[data-selection-bar]").hidden = on === 0;
    form.querySelector("[data-selection-count]").textContent = String(on);
    page.checked = on === all.length;
    page.indeterminate = on > 0 && on < all.length;
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-selection]");
    if (!form) return;
    if (event.target.matches("[data-selection-page]")) {
      for (const box of boxes(form)) box.checked = event.target.checked;
    }
    show(form);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-selection-clear]")) return;
    const form = event.target.closest("[data-selection]");
    for (const box of boxes(form)) box.checked = false;
    show(form);
  });
  // The browser keeps ticks over a reload
  document.querySelectorAll("[data-selection]").forEach(show);
})();
