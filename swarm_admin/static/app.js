// htmx's edges: steady swaps, polling that rests, errors, toasts, drawer, confirmations.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);

  // ---- "steady": change only what differs, so that focus, hover, open menus and what was typed stay.
  // Idiomorph's own extension for htmx evaluates text, which the Content-Security-Policy forbids.
  const changedByHand = (element) =>
    element.value !== (element.defaultValue ?? element.value) ||
    element.checked !== element.defaultChecked || element.selected !== element.defaultSelected;
  const STATE = ["value", "checked", "selected"];
  const callbacks = {
    beforeNodeMorphed: (from) => !from.hasAttribute?.("data-keep"),
    beforeAttributeUpdated: (name, element, how) =>
      !(name === "open" && how === "remove" && element.nodeName === "DETAILS") && !(STATE.includes(name) && changedByHand(element)),
  };
  // Idiomorph knows an element by its id alone: rows have their key for one.
  function identify(root) {
    for (const row of root.querySelectorAll("[data-key]:not([id])")) row.id = `key-${row.dataset.key}`;
  }

  htmx.defineExtension("steady", {
    isInlineSwap: (style) => style === "steady",
    handleSwap(style, target, fragment) {
      if (style !== "steady") return false;
      [target, fragment].forEach(identify);
      const nodes = fragment.firstElementChild ? Idiomorph.morph(target, fragment.firstElementChild, { callbacks }) : [];
      nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE).forEach((element) => htmx.process(element));
      return [];
    },
  });

  // ---- polling rests while nobody looks, and catches up at once
  const polls = (element) => (element.getAttribute("hx-trigger") || "").startsWith("every ");
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && polls(event.detail.elt)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.querySelectorAll("[hx-trigger^='every ']").forEach((e) => htmx.trigger(e, "refresh"));
  });

  // ---- toasts: Bootstrap takes them away, but not while the pointer or the focus is on one
  const STAY = { error: 12000, warning: 9000 };
  function show(note) {
    note.addEventListener("hidden.bs.toast", () => note.remove());
    tabler.Toast.getOrCreateInstance(note, { delay: STAY[note.dataset.toast] || 6000 }).show();
  }
  function toast(text, level = "info") {
    const note = $("#toast-blank").content.firstElementChild.cloneNode(true);
    note.classList.replace("toast-info", `toast-${level}`);
    note.dataset.toast = level;
    $("span", note).textContent = text;
    $("#toasts").append(note);
    show(note);
  }
  window.toast = toast;
  document.querySelectorAll("[data-toast]").forEach(show);
  document.addEventListener("toasts", (event) => {
    for (const { text, level } of event.detail.value || []) toast(text, level);
  });

  // ---- nothing fails silently
  const quiet = (element) => element.closest("[data-quiet]");
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, elt } = event.detail;
    if (quiet(elt) && xhr.status >= 500) return; // the next poll tells
    const words = {
      403: "You don’t have permission to do that.",
      404: "This no longer exists. Reload the page.",
      413: "This is too large.",
    };
    toast(words[xhr.status] || `Something went wrong (error ${xhr.status}). Try again.`, "error");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!quiet(event.detail.elt)) toast("Can’t reach the server. Check your connection and try again.", "error");
  });

  // ---- drawer: not Bootstrap's offcanvas, which tells screen readers that the list beside it is out of use, closes when
  // the window is resized (it is no overlay on a wide one), and lets Escape close it only from inside
  const drawer = $("#drawer");
  let opener = null;
  function closeDrawer() {
    if (!drawer || !drawer.firstElementChild) return false;
    drawer.replaceChildren();
    document.querySelectorAll("[data-row][aria-current]").forEach((row) => row.removeAttribute("aria-current"));
    (opener?.isConnected ? opener : null)?.focus();
    return true;
  }
  window.closeDrawer = closeDrawer;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === drawer && !drawer.contains(event.detail.elt)) opener = event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== drawer || polls(event.detail.elt)) return;
    if (drawer.contains(document.activeElement)) return;
    const heading = $("h2, h1", drawer);
    if (heading) heading.tabIndex = -1;
    (heading || drawer).focus({ preventScroll: true });
  });

  // ---- clicks
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    if (on("[data-drawer-close]")) closeDrawer();
    else if (on("[data-dialog-close]")) on("dialog").close();
    else if (on("[data-dialog-open]")) document.getElementById(on("[data-dialog-open]").dataset.dialogOpen).showModal();
    else if (on("[data-help-open]")) $("#help").showModal();
    else if (on("[data-theme-toggle]")) window.swarmTheme.toggle();
    else if (on("[data-nav-toggle]")) {
      const open = $("#side").classList.toggle("open");
      on("[data-nav-toggle]").setAttribute("aria-expanded", String(open));
    }
    if (event.target.nodeName === "DIALOG") event.target.close(); // its backdrop
    for (const menu of document.querySelectorAll("details.side-person[open], details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  // In the capture phase: before htmx, which would send it
  document.addEventListener("submit", (event) => {
    const words = event.target.dataset.confirm;
    if (words && !window.confirm(words)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  // The second press of a double click sends nothing: what is sent twice would be done twice. A download leaves
  // its page standing, so the form can be sent again a moment later.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (form.dataset.sent) return void event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 1000);
  });

  // ---- the name of the other theme
  const showTheme = () => {
    const dark = window.swarmTheme.now() === "dark";
    document.querySelectorAll("[data-theme-label]").forEach((label) => (label.textContent = dark ? "Light" : "Dark"));
    document.querySelectorAll("[data-theme-toggle] .ti").forEach((icon) => (icon.className = `ti ti-${dark ? "sun" : "moon"}`));
  };
  document.addEventListener("theme", showTheme);
  showTheme();
})();
