// Data that are images: some of the data, what draws from the prior are decoded to, and the pseudo-inputs, in rows of ten.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const SIDE = 8, COLUMNS = 10, ROWS = 3, HEAD = 0.72; // a caption's height, in tiles
  const HIGH = 0.85, PICTURE = 0.81; // a row's height and an image's side, in tiles

  Playground.Tiles = class extends Playground.View {
    constructor(canvas) {
      super(canvas);
      this.picture = document.createElement("canvas");
      this.picture.width = this.picture.height = SIDE;
    }

    get tile() { return this.size / COLUMNS; }

    draw({ training, layers, chosen }, colours) {
      if (!this.prepare()) return;
      const { now, model, data } = training, some = Array.from({ length: COLUMNS * ROWS }, (_, n) => n);
      this.block(0, `The first ${some.length} images`, colours, some.map(n => data.points.subarray(64 * n, 64 * n + 64)));
      if (layers.draws) {
        const stride = Math.floor(now.samples.length / some.length), samples = some.map(n => now.samples[n * stride]);
        const output = model.decode(Float64Array.from(samples.flatMap(({ z }) => z)));
        const images = some.map(n => output.subarray(64 * n, 64 * n + 64).map(model.likelihood.mean));
        this.block(1, "Drawn from the prior, underlined if in a hole", colours, images);
        samples.forEach(({ hole }, n) => { if (hole) this.underline(1, n, colours.misfit); });
      }
      const { pseudo, count } = model.prior;
      if (!pseudo || !layers.components) return;
      const shown = some.slice(0, count);
      const caption = count > some.length ? `The first ${some.length} pseudo-inputs` : "Pseudo-inputs";
      this.block(2, caption, colours, shown.map(k => pseudo.subarray(64 * k, 64 * k + 64)));
      if (chosen !== null && chosen < some.length) this.frame(2, chosen, colours.accent);
    }

    place(block, n) {
      const top = block * (HEAD + ROWS * HIGH) + HEAD + Math.floor(n / COLUMNS) * HIGH;
      return [(n % COLUMNS + 0.1) * this.tile, top * this.tile];
    }

    block(block, caption, colours, images) {
      const { context, tile } = this, [, top] = this.place(block, 0);
      context.fillStyle = colours.muted;
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "bottom";
      context.fillText(caption, 0.1 * tile, top - 2);
      context.imageSmoothingEnabled = false;
      images.forEach((image, n) => {
        Playground.paintDigit(this.picture, image);
        context.drawImage(this.picture, ...this.place(block, n), tile * PICTURE, tile * PICTURE);
      });
      context.imageSmoothingEnabled = true;
    }

    underline(block, n, colour) {
      const [x, y] = this.place(block, n), { context, tile } = this;
      context.fillStyle = colour;
      context.fillRect(x, y + tile * PICTURE - 3, tile * PICTURE, 3);
    }

    frame(block, n, colour) {
      const { context, tile } = this;
      context.beginPath();
      context.rect(...this.place(block, n), tile * PICTURE, tile * PICTURE);
      this.stroke(colour, 3);
    }

    hit({ count }, [x, y]) {
      for (let k = 0; k < Math.min(count, COLUMNS * ROWS); k++) {
        const [left, top] = this.place(2, k);
        if (x >= left && x < left + this.tile && y >= top && y < top + HIGH * this.tile) return k;
      }
      return null;
    }

    // Shifts a pseudo-input's ink by whole pixels of its own.
    move({ pseudo }, k, way) {
      const step = this.arrow, [right, down] = way.map(pixels => Math.trunc(pixels / step));
      const image = pseudo.slice(64 * k, 64 * k + 64);
      for (let row = 0; row < SIDE; row++) {
        for (let column = 0; column < SIDE; column++) {
          const from = [row - down, column - right], there = from.every(at => at >= 0 && at < SIDE);
          pseudo[64 * k + SIDE * row + column] = there ? image[SIDE * from[0] + from[1]] : 0;
        }
      }
      return [way[0] - right * step, way[1] - down * step];
    }

    get arrow() { return (this.tile * PICTURE) / SIDE; }
  };

  // 64 grey values in [0, 1] on a canvas of 8 by 8.
  Playground.paintDigit = function (canvas, image) {
    const context = canvas.getContext("2d"), data = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < image.length; i++) {
      data.data.fill(255 * image[i], 4 * i, 4 * i + 3);
      data.data[4 * i + 3] = 255;
    }
    context.putImageData(data, 0, 0);
  };
})();
