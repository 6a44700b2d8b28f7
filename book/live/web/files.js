// Model files: fetched as scripts when first needed, checked against their CRC-32, unpacked into typed arrays.
window.Live = window.Live || {};

(function () {
  "use strict";

  const here = new URL(".", document.currentScript.src).href;
  const texts = {}; // what has arrived and was not yet picked up
  const promises = {};

  // Every model file is one call of this function.
  Live.arrived = (key, text) => { texts[key] = text; };

  // The content of a model's file ("plane", "generator", "recogniser") as a promise.
  Live.load = function (model, part) {
    const key = model.name + "." + part;
    if (!promises[key]) {
      promises[key] = script(key).then(() => unpackAll(checked(key, model, part)));
      promises[key].catch(() => delete promises[key]); // so that a later try starts anew
    }
    return promises[key];
  };

  function script(key) {
    return new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = here + key + ".js";
      element.onload = resolve;
      element.onerror = () => reject(new Error(
        "The file " + key + ".js could not be loaded, so this model stays silent: check the connection and reload the page."));
      document.head.append(element);
    }).then(() => document.head.querySelector(`script[src$="${key}.js"]`).remove());
  }

  function checked(key, model, part) {
    const text = texts[key];
    delete texts[key];
    if (text === undefined || crc32(text) !== model.files[part].crc) {
      throw new Error("The file " + key + ".js is not the one this page was made with, so this model stays silent: reload the page.");
    }
    return JSON.parse(text);
  }

  // CRC-32 of a string of ASCII characters, as in zlib.
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });

  function crc32(text) {
    let crc = 0xffffffff;
    for (let i = 0; i < text.length; i++) crc = table[(crc ^ text.charCodeAt(i)) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  }

  // Layers get their kernel and bias as Float32Arrays; whatever else a file holds stays as it is.
  function unpackAll(content) {
    for (const network of Object.values(content)) {
      if (!Array.isArray(network) || !network[0] || !network[0].weights) continue;
      for (const layer of network) {
        const weights = Live.halves(layer.weights);
        const outputs = layer.kind === "dense" ? layer.outputs : layer.output[2];
        layer.size = layer.kernel;
        layer.kernel = weights.subarray(0, weights.length - outputs);
        layer.bias = weights.subarray(weights.length - outputs);
        delete layer.weights;
      }
    }
    return content;
  }

  Live.bytes = text => Uint8Array.from(atob(text), character => character.charCodeAt(0));
  Live.floatsOfBytes = text => Float32Array.from(Live.bytes(text), byte => byte / 255);
  Live.floats = text => new Float32Array(Live.bytes(text).buffer);

  // Half-precision numbers: a sign, five bits of exponent, ten of fraction.
  Live.halves = function (text) {
    const bits = new Uint16Array(Live.bytes(text).buffer);
    return Float32Array.from(bits, h => {
      const exponent = (h >> 10) & 31, fraction = h & 1023;
      const size = exponent ? Math.pow(2, exponent - 15) * (1 + fraction / 1024) : Math.pow(2, -24) * fraction;
      return h & 0x8000 ? -size : size;
    });
  };
})();
