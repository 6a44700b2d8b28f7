// The playground's network on TensorFlow.js, for `playground.py`: the same sizes, prior, loss and optimizer.
// `trainStep(x, noise)` takes one step and returns the loss as a tensor.

window.tensorflowStep = function ({ batch, size, width, depth, components, stddev }) {
  const sizes = outputs => [...Array(depth).fill(width), outputs];
  const network = (inputs, widths) => widths.map(outputs => {
    const layer = {
      kernel: tf.variable(tf.randomUniform([inputs, outputs], -1, 1).mul(Math.sqrt(6 / (inputs + outputs)))),
      bias: tf.variable(tf.zeros([outputs])),
    };
    inputs = outputs;
    return layer;
  });
  const run = (layers, x) => layers.reduce((h, { kernel, bias }, l) => {
    const linear = h.matMul(kernel).add(bias);
    return l < layers.length - 1 ? linear.relu() : linear;
  }, x);
  const encoder = network(size, sizes(4)), decoder = network(2, sizes(size));
  const pseudoInputs = tf.variable(tf.randomNormal([components, size]));
  const optimizer = tf.train.adam(1e-3);
  const LOG_2PI = Math.log(2 * Math.PI);
  const logNormal = (squares, logvar) => tf.sum(tf.add(squares, logvar).add(LOG_2PI), -1).mul(-0.5);

  function loss(x, noise) {
    const heads = run(encoder, tf.concat([x, pseudoInputs]));
    const means = heads.slice([0, 0], [-1, 2]), logvars = heads.slice([0, 2], [-1, 2]).clipByValue(-12, 4);
    const logvar = logvars.slice([0, 0], [batch, 2]);
    const z = means.slice([0, 0], [batch, 2]).add(logvar.mul(0.5).exp().mul(noise));
    const logQ = logNormal(noise.square(), logvar);
    const mean = means.slice([batch, 0], [components, 2]), spread = logvars.slice([batch, 0], [components, 2]);
    const squares = z.expandDims(1).sub(mean).square().mul(spread.neg().exp());
    const logP = tf.logSumExp(logNormal(squares, spread), 1).sub(Math.log(components));
    const squaredErrors = x.sub(run(decoder, z)).square().mul(1 / stddev ** 2);
    const reconstruction = logNormal(squaredErrors, tf.scalar(2 * Math.log(stddev)));
    return tf.mean(logQ.sub(logP).sub(reconstruction));
  }

  return (x, noise) => tf.tidy(() => optimizer.minimize(
    () => loss(tf.tensor2d(x, [batch, size]), tf.tensor2d(noise, [batch, 2])), true));
};
