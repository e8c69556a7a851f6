// The bundled viewer goes from its title (level 1) to level 3: its headings are told one level higher.
(() => {
  const raise = () => document.querySelectorAll("#swagger-ui h3, #swagger-ui h4, #swagger-ui h5").forEach((heading) => heading.setAttribute("aria-level", Number(heading.nodeName[1]) - 1));
  new MutationObserver(raise).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
})();
