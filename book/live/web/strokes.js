// From pen strokes to an image such as the models were trained on.
window.Live = window.Live || {};

(function () {
  "use strict";

  const SIDE = 28;
  Live.FABRIC = "rgb(170, 170, 170)"; // what fills the outline of a piece of clothing
  const LEAST = 20; // of the pad's 280: what is smaller is a dot and is not blown up
  const PEN = 2.6; // pixels of the 28, as wide as the strokes of MNIST

  // Grey values (784) of strokes, lists of points each; null if nothing was drawn.
  // MNIST's digits are scaled so that the longer side fills 20 of 28 pixels, and moved until their centre of mass
  // is the image's. Clothes (`filled`) are shapes that reach the border and are centred by their outline.
  Live.imageOf = function (strokes, { box, filled }) {
    const points = [].concat(...strokes);
    if (!points.length) return null;
    const [x, y] = [0, 1].map(d => points.map(point => point[d]));
    const [left, right, top, bottom] = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
    const scale = (box - PEN) / Math.max(right - left, bottom - top, LEAST);
    const middle = [SIDE / 2 - (scale * (left + right)) / 2, SIDE / 2 - (scale * (top + bottom)) / 2];
    const centred = rendered(strokes, scale, middle, filled);
    if (filled) return centred;
    const mass = centreOfMass(centred);
    return rendered(strokes, scale, middle.map((value, d) => value + SIDE / 2 - mass[d]), filled);
  };

  // Whether this page gets back what it drew. Browsers that guard against fingerprinting may answer with noise,
  // until the reader allows the page to read its canvases.
  Live.seesItsCanvases = () => rendered([], 1, [0, 0], false).every(value => value < 0.05);

  function rendered(strokes, scale, offset, filled) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = "white";
    context.fillStyle = Live.FABRIC;
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      stroke.forEach(([x, y], k) => {
        const place = [x * scale + offset[0], y * scale + offset[1]];
        if (k === 0) context.moveTo(...place);
        context.lineTo(...place);
      });
      if (filled && stroke.length > 2) context.fill();
      context.stroke();
    }
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i] / 255);
  }

  function centreOfMass(image) {
    let mass = 0, x = 0, y = 0;
    image.forEach((ink, i) => {
      mass += ink;
      x += ink * ((i % SIDE) + 0.5);
      y += ink * (Math.floor(i / SIDE) + 0.5);
    });
    return mass ? [x / mass, y / mass] : [SIDE / 2, SIDE / 2];
  }
})();
