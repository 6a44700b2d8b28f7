// What moves on the plane: the point under the hand, pins and the line between them, samples, a drawing's posterior.
window.Live = window.Live || {};

(function () {
  "use strict";

  Live.STEPS = 9; // images along the line between two pins, the pins' own included

  // The places of those images, (STEPS, 2).
  Live.between = (from, to) => Array.from({ length: Live.STEPS }, (_, k) => {
    const share = k / (Live.STEPS - 1);
    return from.map((value, d) => value + share * (to[d] - value));
  });

  Live.drawMarks = function (context, plane, { point, pins, samples, posterior }, colours) {
    const page = z => plane.toPage(plane.inside(z)); // a sample may lie beyond the edge
    for (const sample of samples) disc(context, page(sample), 3.5, colours.paper, colours.accent, 1.5);
    if (pins.length === 2) {
      line(context, page(pins[0]), page(pins[1]), colours.accent);
      for (const z of Live.between(...pins).slice(1, -1)) disc(context, page(z), 3, colours.accent, colours.paper, 1);
    }
    if (point) {
      disc(context, page(point), 7, null, colours.paper, 5);
      disc(context, page(point), 7, null, colours.accent, 2.5);
    }
    pins.forEach((pin, k) => {
      disc(context, page(pin), 9, colours.accent, colours.paper, 2);
      label(context, page(pin), "AB"[k], colours.paper);
    });
    if (posterior) ellipse(context, plane, posterior, colours);
  };

  function disc(context, [x, y], radius, fill, stroke, width) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    finish(context, fill, stroke, width);
  }

  function finish(context, fill, stroke, width) {
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.stroke();
  }

  function line(context, from, to, colour) {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    finish(context, null, colour, 2);
  }

  function label(context, [x, y], text, colour) {
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colour;
    context.fillText(text, x, y + 0.5);
  }

  // Two standard deviations around the posterior's mean, and a cross at it.
  function ellipse(context, plane, { mean, logvar }, colours) {
    const [x, y] = plane.toPage(plane.inside(Array.from(mean)));
    const [unitX, unitY] = plane.step(1).map(span => plane.size / span);
    const radii = [Math.exp(0.5 * logvar[0]) * unitX, Math.exp(0.5 * logvar[1]) * unitY];
    context.beginPath();
    context.ellipse(x, y, Math.max(2 * radii[0], 3), Math.max(2 * radii[1], 3), 0, 0, 2 * Math.PI);
    finish(context, null, colours.paper, 5);
    finish(context, null, colours.ink, 2);
    for (const [colour, width] of [[colours.paper, 4.5], [colours.ink, 2]]) {
      context.beginPath();
      for (const [a, b] of [[9, 0], [0, 9]]) {
        context.moveTo(x - a, y - b);
        context.lineTo(x + a, y + b);
      }
      finish(context, null, colour, width);
    }
    const below = y < plane.size - 40 ? 20 : -20, half = 48; // the words stay on the plane
    const place = [Math.min(Math.max(x, half), plane.size - half), y + below + Math.sign(below) * Math.max(2 * radii[1] - 9, 0)];
    context.lineJoin = "round";
    context.strokeStyle = colours.paper;
    context.lineWidth = 4;
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.strokeText("your drawing", ...place);
    label(context, place, "your drawing", colours.ink);
  }
})();
