// Small things for making pages: elements, pictures of 28x28, numbers.
window.Live = window.Live || {};

(function () {
  "use strict";

  // An element with attributes ("text" is its text, "on..." are listeners) and children.
  Live.make = function (tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") element.textContent = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // Paints 784 grey values in [0, 1] side by side on a canvas of 28 by 28 pixels each.
  Live.paint = function (canvas, images, gap = 0) {
    canvas.width = 28 * images.length + gap * (images.length - 1);
    canvas.height = 28;
    const context = canvas.getContext("2d");
    images.forEach((image, k) => {
      const data = context.createImageData(28, 28);
      image.forEach((value, i) => {
        data.data.fill(255 * value, 4 * i, 4 * i + 3);
        data.data[4 * i + 3] = 255;
      });
      context.putImageData(data, k * (28 + gap), 0);
    });
  };

  const minus = text => text.replace("-", "\u2212");
  Live.number = (value, digits) => minus(value.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1"));
  const short = value => Live.number(value, Math.abs(value) < 10 ? 2 : 1);
  Live.pair = z => `(${short(z[0])}, ${short(z[1])})`;

  // The page's colours for canvases, which know no style sheets.
  Live.coloursOf = function (element) {
    const style = getComputedStyle(element);
    const colour = name => style.getPropertyValue("--live-" + name).trim();
    return { ink: colour("ink"), paper: colour("paper"), accent: colour("accent") };
  };
})();
