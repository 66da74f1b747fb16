// Formulas of the tutorials: dollars as notebooks and GitHub write them, and nothing else of a page.
window.MathJax = {
  tex: { inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]] },
  options: { ignoreHtmlClass: "md-container", processHtmlClass: "jp-RenderedMarkdown" },
};
