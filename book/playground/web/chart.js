// Curves over the steps of a training, in nats.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const { make } = Live;
  const LEFT = 48, RIGHT = 8, TOP = 8, BOTTOM = 22;

  Playground.Chart = class {
    // curves: {entry of a training's curve: its name}, drawn in the colours of these entries.
    constructor(curves) {
      this.keys = Object.keys(curves);
      this.canvas = make("canvas", { class: "playground-chart", role: "img", "aria-label": `Over the steps: ${Object.values(curves).join(", ")}` });
      this.context = this.canvas.getContext("2d");
      this.swatches = this.keys.map(() => make("span", { class: "playground-swatch" }));
      const chips = Object.values(curves).map((name, n) => make("span", { class: "live-chip" }, this.swatches[n], name));
      this.element = make("div", {}, make("p", { class: "playground-curves" }, ...chips), this.canvas);
    }

    draw(curve, colours) {
      const { canvas, context } = this, width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      this.swatches.forEach((swatch, n) => { swatch.style.background = colours[this.keys[n]]; });
      const scale = Math.min(window.devicePixelRatio || 1, 2);
      if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
      }
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, height);
      const last = Math.max(curve[curve.length - 1].step, 100), [low, high] = this.range(curve);
      const x = step => LEFT + (step / last) * (width - LEFT - RIGHT);
      const y = value => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
      this.axes(width, height, low, high, last, x, y, colours);
      context.save();
      context.beginPath();
      context.rect(LEFT, TOP - 2, width - LEFT - RIGHT + 2, height - TOP - BOTTOM + 4);
      context.clip();
      for (const key of this.keys) {
        context.beginPath();
        curve.forEach((point, n) => context[n ? "lineTo" : "moveTo"](x(point.step), y(point[key])));
        context.strokeStyle = colours[key];
        context.lineWidth = 2;
        context.stroke();
      }
      context.restore();
    }

    // The first steps fall by tens of nats and would flatten all the rest, so the axis covers the later four fifths.
    range(curve) {
      const late = curve.slice(Math.floor(curve.length / 5)).flatMap(point => this.keys.map(key => point[key]));
      const sorted = late.filter(Number.isFinite).sort((a, b) => a - b);
      const low = sorted[Math.floor(0.01 * sorted.length)], high = sorted[Math.ceil(0.99 * sorted.length) - 1];
      const margin = 0.08 * (high - low) + 0.05;
      return [low - margin, high + margin];
    }

    axes(width, height, low, high, last, x, y, colours) {
      const { context } = this;
      context.font = "11px system-ui, sans-serif";
      context.fillStyle = colours.muted;
      context.strokeStyle = colours.line;
      context.lineWidth = 1;
      context.textAlign = "right";
      context.textBaseline = "middle";
      const gap = round((high - low) / 3);
      context.beginPath();
      for (let value = Math.ceil(low / gap) * gap; value <= high; value += gap) {
        context.moveTo(LEFT, y(value));
        context.lineTo(width - RIGHT, y(value));
        context.fillText(Live.number(value, gap < 0.1 ? 2 : gap < 1 ? 1 : 0), LEFT - 5, y(value));
      }
      context.stroke();
      context.textBaseline = "bottom";
      context.textAlign = "left";
      context.fillText("0", LEFT, height - 3);
      context.textAlign = "right";
      context.fillText(`step ${last}`, width - RIGHT, height - 3);
    }
  };

  // 1, 2 or 5 times a power of ten, not below a number.
  function round(number) {
    const power = 10 ** Math.floor(Math.log10(number));
    return power * [1, 2, 5, 10].find(factor => factor * power >= number * 0.999);
  }
})();
