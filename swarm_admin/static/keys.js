// Keyboard: lists, jumps, search, help, and the palette behind Ctrl-K.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

  // ---- lists
  const rows = () => [...document.querySelectorAll("[data-list] [data-row]")].filter((row) => row.offsetParent);
  const current = () => $("[data-row].at");
  function stand(row) {
    current()?.classList.remove("at");
    row.classList.add("at");
    row.scrollIntoView({ block: "nearest" });
    const link = $("[data-row-open]", row);
    if (link) link.focus({ preventScroll: true });
  }
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    stand(all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]);
    if ($("#drawer")?.firstElementChild) $("[data-row-open]", current())?.click();
  }
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row) return;
    current()?.classList.remove("at");
    row.classList.add("at");
    if (event.target.closest("a, button, input, select, label, summary") || String(getSelection())) return;
    $("[data-row-open]", row)?.click();
  });

  // ---- single keys
  let afterG = 0;
  const single = {
    "?": () => $("#help").showModal(),
    j: () => move(1),
    k: () => move(-1),
    g: () => (afterG = Date.now()),
  };
  function onRow(key) {
    const row = current();
    if (key === "x") $("[data-row-select]", row)?.click();
    else if (key === "Enter") $("[data-row-open]", row)?.click();
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      if ($("#palette")) {
        event.preventDefault();
        openPalette();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
    if (event.key === "Escape") {
      const menu = [...document.querySelectorAll("details.menu[open], details.side-person[open]")].pop();
      if (menu) {
        menu.open = false;
        $("summary", menu).focus();
      } else if (typing(event.target)) event.target.blur();
      else window.closeDrawer();
      return;
    }
    if (typing(event.target)) return;
    if (Date.now() - afterG < 1200) {
      afterG = 0;
      const link = $(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) return link.click();
    }
    if (event.key === "/") {
      const box = $("[data-search]");
      if (box) {
        event.preventDefault();
        box.focus();
        box.select?.();
      }
    } else if (single[event.key]) {
      single[event.key]();
    } else if (current() && (event.key === "x" || (event.key === "Enter" && !event.target.closest("a, button, summary")))) {
      onRow(event.key);
    }
  });

  // ---- palette
  const palette = $("#palette");
  document.addEventListener("click", (event) => {
    if (palette && event.target.closest("[data-palette-open]")) openPalette();
  });
  if (!palette) return;
  const input = $("#palette-input");
  const list = $("#palette-results");
  let found = [];
  let chosen = 0;
  let asked = 0;

  const actions = () => [
    ...[...document.querySelectorAll("[data-go]")].map((link) => ({
      label: link.textContent.trim(), icon: link.querySelector(".ti").className, note: "Page", run: () => link.click(),
    })),
    { label: "Switch between light and dark", icon: "ti ti-moon", note: "Action", run: () => window.swarmTheme.toggle() },
    { label: "Keyboard shortcuts", icon: "ti ti-keyboard", note: "Action", run: () => $("#help").showModal() },
    ...[...document.querySelectorAll("[data-palette-action]")].map((button) => ({
      label: button.dataset.paletteAction, icon: "ti ti-bolt", note: "Action", run: () => button.click(),
    })),
  ];
  function openPalette() {
    input.value = "";
    palette.showModal();
    input.focus();
    search();
  }
  function draw() {
    list.replaceChildren(...found.map((entry, index) => {
      const item = document.createElement("li");
      item.id = `palette-${index}`;
      item.role = "option";
      item.setAttribute("aria-selected", String(index === chosen));
      const icon = document.createElement("i");
      icon.className = entry.icon;
      icon.setAttribute("aria-hidden", "true");
      const note = document.createElement("small");
      note.textContent = entry.note;
      item.append(icon, entry.label, note);
      item.addEventListener("click", () => take(index));
      return item;
    }));
    input.setAttribute("aria-activedescendant", found.length ? `palette-${chosen}` : "");
    $("#palette-none").hidden = found.length > 0;
    $(`#palette-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }
  function take(index) {
    const entry = found[index];
    if (!entry) return;
    palette.close();
    entry.run();
  }
  async function search() {
    const words = input.value.trim().toLowerCase();
    const turn = ++asked;
    found = actions().filter((entry) => entry.label.toLowerCase().includes(words));
    chosen = 0;
    draw();
    if (words.length < 2 || !palette.dataset.source) return;
    // The words are a person's name: they go in the body, not in an address that gets logged
    const answer = await fetch(palette.dataset.source, {
      method: "POST",
      headers: { "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"] },
      body: new URLSearchParams({ q: words }),
    }).catch(() => null);
    if (turn !== asked || !answer?.ok || answer.redirected) return;
    const { leads } = await answer.json();
    found = found.concat(leads.map((lead) => ({
      label: lead.label, icon: "ti ti-user", note: lead.note, run: () => location.assign(lead.url),
    })));
    draw();
  }
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 120);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      chosen = (chosen + step + found.length) % Math.max(found.length, 1);
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(chosen);
    }
  });
})();
