// A training that can be stopped, gone on with and changed at any step.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const BATCH = 128;
  const MEASURED = 25; // steps from one point of the curves to the next
  const POINTS = 400; // of the curves; with more, every other one is dropped
  const TOO_LARGE = 1000; // times the first loss, from where on a training counts as lost

  Playground.Training = class {
    constructor(settings) {
      this.settings = { ...settings };
      this.data = Playground.dataSet(settings.data);
      this.random = new Playground.Random(settings.seed);
      this.model = new Playground.Model({ ...this.data, width: settings.width, depth: settings.depth }, this.random);
      this.optimizers = [this.model.encoder, this.model.decoder].map(optimizerFor);
      this.batch = new Float64Array(BATCH * this.data.size);
      this.noise = new Float64Array(2 * BATCH);
      this.steps = 0;
      this.order = [];
      this.curve = [];
      this.spacing = MEASURED;
      this.changePrior(settings.prior, settings.k);
      this.measure();
    }

    // A new prior for the networks as they are.
    changePrior(kind, count) {
      Object.assign(this.settings, { prior: kind, k: count });
      this.model.usePrior(Playground.PRIORS[kind](count, this.random, this.data));
      this.optimizers[2] = optimizerFor(this.model.prior);
    }

    // The weight of the KL term at this step, raised from near 0 as vamp_core's KLWarmup does.
    get beta() {
      const { beta, warmup } = this.settings;
      return warmup ? beta * Math.min(1, (this.steps + 1) / warmup) : beta;
    }

    // One step of the optimizer. False if the loss is no longer one that training comes back from.
    step() {
      const { model, data, batch, noise, random } = this;
      if (this.order.length < BATCH) this.order = random.order(data.count);
      this.order.splice(0, BATCH).forEach((n, row) => {
        const from = n * data.size, to = row * data.size;
        for (let i = 0; i < data.size; i++) batch[to + i] = data.points[from + i];
      });
      for (let i = 0; i < noise.length; i++) noise[i] = random.normal();
      const { loss } = model.lossAndGradients(batch, BATCH, noise, this.beta);
      this.limit = this.limit || TOO_LARGE * (Math.abs(loss) + 1);
      if (!(Math.abs(loss) < this.limit)) return false;
      for (const { part, adam } of this.optimizers) adam.step(part.values, part.gradients, this.settings.rate);
      model.prior.constrain();
      this.steps += 1;
      if (this.steps % MEASURED === 0) this.measure();
      return true;
    }

    // After a loss that is no number: to where the curves were last measured.
    goBack() {
      const { steps, values } = this.kept;
      this.steps = steps;
      this.optimizers.forEach((optimizer, k) => {
        optimizer.part.values.set(values[k]);
        optimizer.adam = new Playground.Adam(values[k].length);
      });
      this.model.refreshPrior();
      this.measure();
    }

    // What the page shows of this moment; part of the curves once every `spacing` steps.
    measure() {
      this.model.refreshPrior();
      const now = Playground.measure(this.model, this.data);
      if (!Number.isFinite(now.kl + now.reconstruction)) return;
      this.now = now;
      this.kept = { steps: this.steps, values: this.optimizers.map(({ part }) => part.values.slice()) };
      const { curve } = this;
      while (curve.length && curve[curve.length - 1].step >= this.steps) curve.pop();
      if (this.steps % this.spacing === 0) curve.push({ step: this.steps, ...now });
      if (curve.length > POINTS) {
        this.spacing *= 2;
        this.curve = curve.filter(({ step }) => step % this.spacing === 0);
      }
    }
  };

  const optimizerFor = part => ({ part, adam: new Playground.Adam(part.values.length) });
})();
