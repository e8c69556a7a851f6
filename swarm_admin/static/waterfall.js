// The editor of the waterfalls: order by dragging, by buttons and by keyboard; every change is saved as the draft.
(() => {
  const said = document.getElementById("waterfall-said");
  const form = () => document.getElementById("waterfall-form");

  // ---- saving: one at a time; what changes while one is under way goes with the next
  let changes = 0;
  let sent = 0;
  let busy = false;
  function send() {
    busy = true;
    sent = changes;
    htmx.trigger(form(), "save");
  }
  function save() {
    changes += 1;
    if (!busy) send();
  }
  const ours = (event) => event.detail.requestConfig?.elt?.id === "waterfall-form";
  // What a button does without this script has been done here already.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id === "waterfall-form") delete event.detail.parameters.op;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!ours(event) || sent === changes || !event.detail.shouldSwap) return;
    const fresh = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    if (fresh.querySelector("[data-stale]")) return;
    // The person has gone on: keep what they see, and save that over what was saved just now.
    for (const name of ["draft", "revision"]) form().elements[name].value = fresh.querySelector(`[name="${name}"]`).value;
    event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!ours(event)) return;
    busy = false;
    if (event.detail.successful && sent !== changes && form()) send();
  });

  // ---- order
  const items = (list) => [...list.children];
  function announce(item, list) {
    said.textContent = `${item.dataset.name}: place ${items(list).indexOf(item) + 1} of ${list.children.length} for ${list.dataset.label}.`;
  }
  function ends(list) {
    items(list).forEach((item, place, all) => {
      const [up, down] = item.querySelectorAll("[data-move]");
      up.disabled = place === 0;
      down.disabled = place === all.length - 1;
    });
  }
  function moved(item, list) {
    ends(list);
    announce(item, list);
    save();
  }
  function move(item, direction, focus) {
    const list = item.parentElement;
    const other = direction === "up" ? item.previousElementSibling : item.nextElementSibling;
    if (!other) {
      said.textContent = `${item.dataset.name} is ${direction === "up" ? "first" : "last"} already.`;
      return;
    }
    // The neighbour is moved, so that the item keeps its focus.
    if (direction === "up") item.after(other);
    else item.before(other);
    moved(item, list);
    if (focus.disabled) item.querySelector("[data-grip]").focus();
  }

  function sortable() {
    for (const list of document.querySelectorAll("#waterfall-form [data-fall]")) {
      if (Sortable.get(list) || !list.querySelector("[data-grip]")) continue;
      Sortable.create(list, {
        handle: "[data-grip]",
        draggable: "li",
        animation: 120,
        forceFallback: true, // the same on a touch screen
        ghostClass: "fall-ghost",
        onEnd: (event) => {
          if (event.oldIndex !== event.newIndex) moved(event.item, list);
        },
      });
    }
  }
  document.addEventListener("htmx:afterSettle", sortable);
  sortable();

  document.addEventListener("keydown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || !["ArrowUp", "ArrowDown"].includes(event.key) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(grip.closest("li"), event.key === "ArrowUp" ? "up" : "down", grip);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#waterfall-form button");
    if (!button) return;
    if (button.dataset.move) {
      event.preventDefault();
      move(button.closest("li"), button.dataset.move, button);
    } else if ("op" in button.dataset) {
      event.preventDefault();
      press(button);
    }
  });

  // ---- on and off: a provider changes lists at the server, and focus goes where the work goes on
  function press(button) {
    const [verb, kind] = button.value.split(":");
    const list = document.querySelector(`[data-fall="${kind}"]`);
    const item = button.closest("li");
    const name = item.dataset.name || item.querySelector(".fall-words").textContent.trim().split("\n")[0].replace(/ disabled$/, "");
    if (verb === "off") item.querySelector("input").remove();
    else {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: `${kind}-providers`, value: button.value.split(":")[2] });
      list.append(input);
    }
    said.textContent = verb === "off" ? `${name} disabled for ${list.dataset.label}.` : `${name} enabled for ${list.dataset.label}, in last place.`;
    const after = () => (list.querySelector("[data-grip]") || document.querySelector(`#fall-${kind}`)).focus();
    document.addEventListener("htmx:afterSettle", after, { once: true });
    save();
  }

  document.addEventListener("change", (event) => {
    if (event.target.closest("#waterfall-form .fall-options")) save();
  });
  // Enter in a field saves as well, without leaving the page
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "waterfall-form") return;
    event.preventDefault();
    save();
  });
})();
