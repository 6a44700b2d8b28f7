// The data sets: four in the plane, made here, and scikit-learn's digits of 8 by 8 pixels.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const COUNT = 500, NOISE = 0.12;
  const SEED = 2018; // of the points: they are the same whatever the training's seed is

  // Each gives a point without its noise, and its group.
  const SHAPES = {
    moons: random => {
      const group = random.below(2), angle = Math.PI * random.uniform(), side = group ? -1 : 1;
      return [side * (1.3 * Math.cos(angle) - 0.65), side * (1.3 * Math.sin(angle) - 0.3), group];
    },
    pinwheel: random => {
      const group = random.below(5), radius = 0.5 + 1.5 * random.uniform(), width = 0.12 * random.normal();
      const angle = (2 * Math.PI * group) / 5 + 0.55 * radius + width / radius;
      return [radius * Math.cos(angle), radius * Math.sin(angle), group];
    },
    rings: random => {
      const group = random.below(2), angle = 2 * Math.PI * random.uniform(), radius = group ? 1.7 : 0.7;
      return [radius * Math.cos(angle), radius * Math.sin(angle), group];
    },
    sine: random => {
      const x = 4 * random.uniform() - 2;
      return [x, 1.2 * Math.sin(2.4 * x), Math.floor(x + 2)];
    },
  };

  function inThePlane(shape) {
    const random = new Playground.Random(SEED), points = new Float64Array(2 * COUNT), labels = new Uint8Array(COUNT);
    for (let n = 0; n < COUNT; n++) {
      const [x, y, label] = shape(random);
      points[2 * n] = x + NOISE * random.normal();
      points[2 * n + 1] = y + NOISE * random.normal();
      labels[n] = label;
    }
    return { size: 2, count: COUNT, points, labels, likelihood: Playground.gaussian(NOISE), range: null };
  }

  // 64 letters an image, from a for no ink to q for 16 sixteenths of it.
  function digits() {
    const { images, labels } = Playground.DIGITS;
    const points = Float64Array.from(images, letter => (letter.charCodeAt(0) - 97) / 16);
    const { bernoulli } = Playground;
    return { size: 64, count: labels.length, points, labels: Uint8Array.from(labels), likelihood: bernoulli, range: bernoulli.range };
  }

  const made = {};

  Playground.dataSet = function (name) {
    made[name] = made[name] || (name === "digits" ? digits() : inThePlane(SHAPES[name]));
    return made[name];
  };
})();
