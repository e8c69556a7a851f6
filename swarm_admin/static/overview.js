// The two charts of the Overview; their numbers come from a JSON address every few seconds.
(() => {
  const box = document.querySelector("[data-charts]");
  const EVERY = 3000;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let range = sessionStorage.getItem("overview-range") || "hour";
  let charts = null;

  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 11;
  Chart.defaults.maintainAspectRatio = false;
  if (calm) Chart.defaults.animation = false;

  const SERIES = [["received", "Received", "grey"], ["enriched", "Enriched", "blue"], ["delivered", "Delivered", "green"]];
  const TIERS = [["Tier 1", "green"], ["Tier 2", "blue"], ["Tier 3", "grey"], ["Not scored", "line"]];

  function build() {
    const legend = { position: "bottom", labels: { boxWidth: 10, boxHeight: 10, usePointStyle: true } };
    const line = new Chart(document.getElementById("throughput"), {
      type: "line",
      data: { labels: [], datasets: SERIES.map(([, label]) => ({ label, data: [], borderWidth: 2, pointRadius: 0, tension: 0 })) },
      options: {
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { ...legend, labels: { ...legend.labels, pointStyle: "line", pointStyleWidth: 24 } } }, // a dashed line stands dashed in the legend
        scales: { x: { grid: { display: false }, ticks: { maxTicksLimit: 8, maxRotation: 0 } }, y: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 6 } } },
      },
    });
    const ring = new Chart(document.getElementById("tiers"), {
      type: "doughnut",
      data: { labels: TIERS.map(([label]) => label), datasets: [{ data: [], borderWidth: 2 }] },
      options: { cutout: "64%", plugins: { legend } },
    });
    return { line, ring };
  }

  function paint() {
    if (!charts) return;
    const { line, ring } = charts;
    SERIES.forEach(([, , name], index) => {
      line.data.datasets[index].borderColor = line.data.datasets[index].backgroundColor = colour(name);
      line.data.datasets[index].borderDash = index === 0 ? [4, 3] : [];
    });
    ring.data.datasets[0].backgroundColor = TIERS.map(([, name]) => colour(name));
    ring.data.datasets[0].borderColor = colour("surface");
    for (const chart of [line, ring]) {
      chart.options.plugins.legend.labels.color = colour("ink-2");
      for (const scale of Object.values(chart.options.scales || {})) {
        if (scale.ticks) scale.ticks.color = colour("ink-2");
        if (scale.grid) scale.grid.color = colour("line");
      }
      chart.update("none");
    }
    line.options.scales.y.grid = { color: colour("line") };
    line.update("none");
  }

  function show({ tiers, throughput }) {
    if (!charts) {
      charts = build();
      paint();
    }
    const { line, ring } = charts;
    const start = Date.parse(throughput.start);
    const form = range === "10m" ? { minute: "2-digit", second: "2-digit", hour: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
    const clock = new Intl.DateTimeFormat("en-GB", { ...form, timeZone: "UTC" });
    line.data.labels = throughput.received.map((_, index) => clock.format(start + index * throughput.step * 1000));
    SERIES.forEach(([name], index) => (line.data.datasets[index].data = throughput[name]));
    line.update("none");
    ring.data.labels = TIERS.map(([label], index) => `${label}: ${tiers[index].toLocaleString("en-GB")}`);
    ring.data.datasets[0].data = tiers;
    ring.update("none");
    const sum = (name) => throughput[name].reduce((total, n) => total + n, 0);
    line.canvas.setAttribute("aria-label", `Throughput: ${SERIES.map(([name, label]) => `${sum(name)} ${label.toLowerCase()}`).join(", ")} in the time shown`);
    ring.canvas.setAttribute("aria-label", `Leads by tier: ${ring.data.labels.join(", ")}`);
  }

  async function refresh() {
    if (document.hidden) return;
    const answer = await fetch(`${box.dataset.charts}&range=${range}`).catch(() => null);
    if (answer?.ok && !answer.redirected) show(await answer.json());
  }

  function choose(chosen) {
    range = chosen;
    sessionStorage.setItem("overview-range", range);
    box.querySelectorAll("[data-range]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.range === range)));
    refresh();
  }
  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-range]");
    if (button) choose(button.dataset.range);
  });
  document.addEventListener("theme", paint);
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, EVERY);
  choose(range);
})();
