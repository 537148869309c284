// Saves a picture as a file of its own: the colours of the page, as they are now, go with it.
(() => {
  "use strict";
  const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "paint-order", "font-size", "font-weight", "font-family"];
  const standing = (svg) => {
    const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
    from.forEach((shape, i) => {
      const style = getComputedStyle(shape);
      if (shape.tagName !== "title") for (const name of KEPT) to[i].setAttribute(name, style.getPropertyValue(name));
      to[i].removeAttribute("class");
    });
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", getComputedStyle(svg.closest("figure").parentElement).getPropertyValue("--panel")]]) paper.setAttribute(name, value);
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.save");
    if (!button) return;
    const svg = button.closest("figure").querySelector("svg"), link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([standing(svg)], { type: "image/svg+xml" }));
    link.download = `${(svg.getAttribute("aria-label") || "picture").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60)}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();
