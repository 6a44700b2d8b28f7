// What can be set, and how it stands in the address: "#data=rings&prior=vamp&k=20".
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const SETTINGS = Playground.SETTINGS = {
    data: {
      title: "Data", start: "moons",
      choices: { moons: "Two moons", pinwheel: "Pinwheel", rings: "Rings", sine: "A sine", digits: "Digits, 8 × 8" },
    },
    prior: {
      title: "Prior", start: "standard",
      choices: { standard: "Standard normal", mixture: "Mixture of normals", vamp: "VampPrior", fixed: "VampPrior on fixed data" },
    },
    k: { title: "Components K", start: 50, low: 1, high: 500, whole: true },
    beta: { title: "Weight β", start: 1, low: 0, high: 1000 },
    warmup: { title: "Warm-up, steps", start: 0, low: 0, high: 100000, whole: true },
    rate: { title: "Learning rate", start: 0.003, low: 0.000001, high: 10 },
    width: { title: "Width of layers", start: 32, low: 1, high: 128, whole: true },
    depth: { title: "Hidden layers", start: 2, low: 1, high: 4, whole: true },
    seed: { title: "Seed", start: 1, low: 1, high: 1000000, whole: true },
  };

  // These make a new model; the others take effect while it trains.
  Playground.STARTS_AGAIN = ["data", "width", "depth", "seed"];

  Playground.startOf = preset => {
    const start = Object.fromEntries(Object.entries(SETTINGS).map(([name, { start }]) => [name, start]));
    return { ...start, ...(Playground.PRESETS[preset] || {}).settings };
  };

  // {value} that stands for a text, or {value, sentence} if the text stands for none: then `instead`, or the nearest end.
  Playground.read = function (name, text, instead) {
    const { title, choices, low, high, whole } = SETTINGS[name];
    if (choices) {
      if (Object.hasOwn(choices, text)) return { value: text };
      const known = Object.keys(choices).join(", ");
      return { value: instead, sentence: `There is no ${name} “${text.slice(0, 40)}”, only ${known}: it is “${instead}” now.` };
    }
    const number = text.trim() === "" ? NaN : Number(text);
    if (!Number.isFinite(number)) {
      return { value: instead, sentence: `“${text.slice(0, 40)}” is no number for “${title}”: it is ${instead} now.` };
    }
    const value = Math.min(Math.max(whole ? Math.round(number) : number, low), high);
    if (value === number) return { value };
    const why = name === "k" && number > high
      ? `there are ${high} data points, and no more pseudo-inputs can start at them`
      : `“${title}” is ${whole ? "a whole number" : "a number"} from ${low} to ${high}`;
    return { value, sentence: `${title.split(",")[0]} cannot be ${number}, since ${why}: it is ${value} now.` };
  };

  // {settings, preset, sentences} of the part of an address after the #.
  Playground.readAddress = function (hash) {
    const sentences = [], given = new Map();
    for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
      const [name, ...rest] = part.split("=");
      given.set(name, decoded(rest.join("=")));
    }
    let preset = given.get("preset") || "";
    if (preset && !Object.hasOwn(Playground.PRESETS, preset)) {
      sentences.push(`There is no preset “${preset.slice(0, 40)}”: the settings are as usual.`);
      preset = "";
    }
    const settings = Playground.startOf(preset);
    for (const [name, text] of given) {
      if (name === "preset") continue;
      if (!Object.hasOwn(SETTINGS, name)) {
        sentences.push(`The address has “${name.slice(0, 40)}”, which is no setting: it is left out.`);
        continue;
      }
      const { value, sentence } = Playground.read(name, text, settings[name]);
      settings[name] = value;
      if (sentence) sentences.push(sentence);
    }
    return { settings, preset, sentences };
  };

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // The part of an address after the # that `readAddress` gives these from.
  Playground.writeAddress = function (settings, preset) {
    const usual = Playground.startOf(preset);
    const changed = Object.keys(SETTINGS).filter(name => settings[name] !== usual[name]);
    return [...(preset ? [["preset", preset]] : []), ...changed.map(name => [name, settings[name]])]
      .map(pair => pair.join("=")).join("&");
  };
})();
