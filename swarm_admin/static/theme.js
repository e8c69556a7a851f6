// Runs before the first paint, so that the page never flashes in the other colours.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme");
  const apply = () => {
    const theme = chosen() || (system.matches ? "dark" : "light");
    document.documentElement.dataset.bsTheme = theme;
    document.dispatchEvent(new CustomEvent("theme", { detail: theme }));
  };
  apply();
  system.addEventListener("change", apply);
  window.swarmTheme = {
    now: () => document.documentElement.dataset.bsTheme,
    toggle() {
      localStorage.setItem("theme", this.now() === "dark" ? "light" : "dark");
      apply();
    },
  };
})();
