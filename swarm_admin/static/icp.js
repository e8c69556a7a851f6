// The scorecard's editor: order by dragging, problems at their fields, the histogram, what is not saved.
(() => {
  const form = document.getElementById("icp-form");
  if (!form) return;
  const mark = document.querySelector("[data-unsaved-mark]");
  const glance = document.querySelector("[data-glance]");
  const SCROLL = "icp-scroll";

  // ---- what is not saved
  let unsaved = form.hasAttribute("data-unsaved");
  function touched() {
    unsaved = true;
    mark.hidden = false;
  }
  form.addEventListener("input", touched);
  document.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-export")) {
      const before = unsaved; // a file is downloaded; the page stays
      unsaved = false;
      setTimeout(() => (unsaved = before), 1000);
      return;
    }
    unsaved = false;
    sessionStorage.setItem(SCROLL, String(window.scrollY));
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  const scrolled = Number(sessionStorage.getItem(SCROLL));
  sessionStorage.removeItem(SCROLL);
  if (scrolled) window.scrollTo({ top: scrolled, behavior: "instant" });

  // ---- problems at their fields
  function explain(problems) {
    for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    for (const place of form.querySelectorAll("[data-problem]")) place.textContent = "";
    for (const [id, sentence] of Object.entries(problems)) {
      const control = document.getElementById(id);
      const place = document.getElementById(`${id}-problem`);
      if (control && place) {
        control.setAttribute("aria-invalid", "true");
        place.textContent = sentence;
      }
    }
  }

  // ---- histogram
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  let chart = null;
  function draw() {
    const data = document.querySelector("[data-histogram]");
    const canvas = document.querySelector(".icp-chart canvas");
    if (!data || !canvas) return;
    const { labels, before, after } = JSON.parse(data.dataset.histogram);
    if (chart && chart.canvas !== canvas) {
      chart.destroy();
      chart = null;
    }
    const sets = [
      { label: `Version ${data.dataset.live}`, data: before, backgroundColor: `${colour("grey")}66`, barPercentage: 0.9, categoryPercentage: 0.9 },
      { label: "This draft", data: after, backgroundColor: colour("accent"), barPercentage: 0.9, categoryPercentage: 0.9 },
    ];
    if (!chart) {
      chart = new Chart(canvas, {
        type: "bar",
        data: { labels, datasets: sets },
        options: {
          animation: false,
          maintainAspectRatio: false,
          plugins: { legend: { position: "top", align: "end", labels: { boxWidth: 10, boxHeight: 10, usePointStyle: true } } },
          scales: {
            x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkip: true, maxTicksLimit: 10 } },
            y: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 4 } },
          },
        },
      });
    } else {
      chart.data.labels = labels;
      sets.forEach((set, index) => Object.assign(chart.data.datasets[index], set));
    }
    for (const scale of Object.values(chart.options.scales)) scale.ticks.color = colour("ink-2");
    chart.options.scales.y.grid = { color: colour("line") };
    chart.options.plugins.legend.labels.color = colour("ink-2");
    chart.update("none");
  }
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 11;
  document.addEventListener("theme", draw);

  // ---- the effect has come
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "icp-effect-body") return;
    const body = document.getElementById("icp-effect-body");
    explain(JSON.parse(body.dataset.problems || "{}"));
    glance.textContent = body.dataset.said || "";
    glance.hidden = !glance.textContent;
    draw();
    const tried = document.querySelector("[data-try]");
    if (tried) htmx.trigger(tried, "icp-refresh");
  });

  // ---- buttons that add, move and remove; order by dragging
  function sortable() {
    if (form.querySelector("fieldset").disabled) return;
    for (const list of form.querySelectorAll("[data-sort]")) {
      Sortable.create(list, {
        handle: "[data-grip]",
        animation: 120,
        forceFallback: true, // the same on a touch screen
        onEnd: ({ oldIndex, newIndex }) => {
          if (oldIndex !== newIndex) send(`move:${list.dataset.sort}.${oldIndex}:${newIndex}`);
        },
      });
    }
  }
  function send(operation) {
    htmx.ajax("POST", form.dataset.edit, { source: form, target: "#icp-editor", swap: "outerHTML", values: { do: operation } });
  }
  document.addEventListener("icp-edited", () => {
    touched();
    sortable();
    htmx.trigger("#icp-effect", "icp-refresh");
  });
  sortable();
})();
