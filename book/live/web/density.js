// The prior's density as a picture: bands one nat apart, darker where the density is higher, with lines between them.
window.Live = window.Live || {};

(function () {
  "use strict";

  const BANDS = 7;

  // A canvas of the given size in one colour. `grid` is (side, side) nats below the maximum, rows upwards.
  Live.densityPicture = function (grid, side, width, height, colour) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const depth = enlarged(grid, side, width, height);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        image.data[4 * (row * width + column) + 3] = 255 * opacity(depth, row, column, width, height);
      }
    }
    context.putImageData(image, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    return canvas;
  };

  // Nats below the maximum at every pixel, bilinearly between the points of the grid.
  function enlarged(grid, side, width, height) {
    const depth = new Float32Array(width * height);
    for (let row = 0; row < height; row++) {
      const v = (1 - (row + 0.5) / height) * (side - 1), i = Math.min(Math.floor(v), side - 2), b = v - i;
      for (let column = 0; column < width; column++) {
        const u = ((column + 0.5) / width) * (side - 1), j = Math.min(Math.floor(u), side - 2), a = u - j;
        const at = i * side + j;
        const below = grid[at] * (1 - a) + grid[at + 1] * a;
        const above = grid[at + side] * (1 - a) + grid[at + side + 1] * a;
        depth[row * width + column] = -(below * (1 - b) + above * b);
      }
    }
    return depth;
  }

  // Of a pixel: that of its band, or of the line between two bands if one runs through it.
  function opacity(depth, row, column, width, height) {
    const here = depth[row * width + column];
    if (here > BANDS + 0.5) return 0;
    const right = depth[row * width + Math.min(column + 1, width - 1)];
    const below = depth[Math.min(row + 1, height - 1) * width + column];
    const slope = Math.hypot(right - here, below - here) + 1e-6;
    const line = Math.max(0, 1 - Math.abs(here - Math.min(Math.round(here), BANDS)) / slope);
    const band = here < BANDS ? 0.16 * (1 - Math.floor(here) / BANDS) : 0;
    return Math.max(band, Math.round(here) > 0 ? 0.3 * line : 0);
  }
})();
