// Puts everything together wherever a page has an element of class "live". Attributes of that element:
//   data-models  names of the models shown at first, one panel each: "mnist-vae mnist-vae-vamp"
//   data-pad     "off" leaves the drawing pad away
window.Live = window.Live || {};

(function () {
  "use strict";

  const { make } = Live;
  const LAYERS = { images: "Test images", prior: "Density of the prior", components: "Pseudo-inputs" };

  function start(root) {
    if (!window.PointerEvent || !window.ResizeObserver) {
      return say(root, "This browser lacks what the live page needs (pointer events and resize observers), so the picture stands in for it: " +
        "a current Firefox, Chrome, Edge or Safari shows the page.");
    }
    if (!Live.index || !Live.index.models.length) {
      return say(root, "The list of models could not be loaded, so the picture stands in for the live page: reload the page.");
    }
    const wanted = (root.dataset.models || "").split(" ").map(name => Live.index.models.find(m => m.name === name)).filter(Boolean);
    const first = wanted.length ? wanted : Live.index.models.slice(0, 1);
    const colours = () => Live.coloursOf(root);
    const panels = first.map((_, k) => new Live.Panel({
      title: first.length === 1 ? "Model" : ["Left model", "Right model"][k], hint: "live-hint", colours,
    }));
    const state = { dataSet: first[0].dataSet };
    const pad = root.dataset.pad === "off" ? null : new Live.Pad({
      style: () => Live.index.dataSets[state.dataSet],
      changed: (image, finished) => panels.forEach(panel => panel.encode(image, finished)),
    });
    const legend = make("p", { class: "live-legend" });

    function show(dataSet, chosen) {
      state.dataSet = dataSet;
      const entries = Live.index.models.filter(model => model.dataSet === dataSet);
      legend.replaceChildren(...chips(Live.index.dataSets[dataSet].classes));
      if (pad) pad.clear();
      panels.forEach((panel, k) => {
        panel.element.hidden = panel.result.element.hidden = k >= entries.length;
        panel.offer(entries, chosen[k] || entries[Math.min(k, entries.length - 1)]);
      });
    }

    root.replaceChildren(
      make("div", { class: "live-controls" }, dataSets(state.dataSet, name => show(name, [])), layers(panels)),
      make("p", { id: "live-hint", class: "live-quiet", text:
        "Move over a plane, or drag a finger, to decode; click or tap to pin. By keys: Tab to a plane, arrows move the point (Shift: further), Enter pins, Escape clears." }),
      make("div", { class: "live-panels" }, ...panels.map(panel => panel.element)),
      legend,
      ...(pad ? [drawing(pad, panels)] : []));
    root.classList.toggle("live-wide", panels.length > 1);
    show(state.dataSet, first);
    wakeWhenNeeded(root, panels);
    const refresh = () => panels.forEach(panel => { panel.plane.refresh(); panel.redraw(); });
    new MutationObserver(refresh).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  function say(root, sentence) {
    root.append(make("p", { class: "live-said", role: "status", text: sentence }));
  }

  // Decoders are large, so they are fetched with the reader's first move; until then an image made beforehand is shown.
  function wakeWhenNeeded(root, panels) {
    for (const move of ["pointermove", "pointerdown", "focusin"]) {
      root.addEventListener(move, () => panels.forEach(panel => panel.wake()), { once: true });
    }
  }

  function dataSets(chosen, choose) {
    const names = Object.keys(Live.index.dataSets);
    return make("fieldset", { class: "live-choice", hidden: names.length < 2 },
      make("legend", { class: "live-hidden", text: "Data set" }),
      ...names.map(name => make("label", {},
        make("input", { type: "radio", name: "live-data", checked: name === chosen, onchange: () => choose(name) }),
        make("span", { text: Live.index.dataSets[name].title }))));
  }

  function layers(panels) {
    const set = (layer, on) => panels.forEach(panel => {
      panel.plane.layers[layer] = on;
      panel.plane.refresh();
      panel.redraw();
    });
    return make("fieldset", { class: "live-layers" },
      make("legend", { class: "live-hidden", text: "What the planes show" }),
      ...Object.keys(LAYERS).map(layer => make("label", {},
        make("input", { type: "checkbox", checked: true, onchange: event => set(layer, event.target.checked) }),
        make("span", { text: LAYERS[layer] }))));
  }

  function chips(classes) {
    return classes.map((name, k) => {
      const dot = make("span", { class: "live-dot" });
      dot.style.background = Live.index.palette[k];
      return make("span", { class: "live-chip" }, dot, name);
    });
  }

  function drawing(pad, panels) {
    return make("section", { class: "live-drawing", "aria-label": "Drawing" },
      make("h2", { text: "Draw your own" }),
      make("p", { id: "live-pad-hint", class: "live-quiet", text:
        "Draw with mouse, finger or pen. By keys: arrows move the pen, Space puts it down and lifts it, Escape clears. " +
        "Costs are in nats, a unit of information: one nat is 1.44 bits, and an event of probability 1 in 2.72 costs one." }),
      make("div", { class: "live-drawn" }, pad.element, ...panels.map(panel => panel.result.element)));
  }

  document.querySelectorAll(".live[data-models]").forEach(root => {
    try {
      start(root);
    } catch (error) {
      say(root, "The live page could not start (" + error.message + "), so a picture has to do: reload the page, or try another browser.");
    }
  });
})();
