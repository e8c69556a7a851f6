// Print buttons: <button data-print>; what is not for paper is left out by the page's print style.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
