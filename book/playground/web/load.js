// Loads what the playground is made of, in order: the only script that a page with a playground names.
(function () {
  "use strict";

  const SHARED = ["page", "nats", "density", "moves"];
  const OWN = ("given random matrix network adam mixture priors likelihoods model data measures training " +
    "presets settings view latent cloud tiles chart controls readout hand runner playground").split(" ");

  const here = document.currentScript.src, address = path => new URL(path, here).href;
  for (const path of ["../live/live.css", "playground.css"]) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: address(path) }));
  }
  for (const path of [...SHARED.map(name => `../live/${name}.js`), ...OWN.map(name => `${name}.js`)]) {
    document.head.append(Object.assign(document.createElement("script"), { src: address(path), async: false }));
  }
})();
