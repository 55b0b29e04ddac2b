// Hooks of every page.
document.documentElement.classList.add("js");
