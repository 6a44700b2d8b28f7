// Settings that show one thing each: what it is in a sentence, which holds from step `until` on, and a question.
window.Playground = window.Playground || {};

Playground.PRESETS = {
  hole: {
    title: "Holes in the prior",
    settings: { data: "rings", prior: "standard" },
    until: 1000,
    sentence: "The codes of two rings cannot fill a disc: more than one in six of the standard prior's draws falls where no codes are, and is decoded to a point off the rings.",
    question: "Change the prior to a VampPrior and go on. The networks stay as they are: where do the draws in holes go, and what happens to the misfit?",
  },
  collapse: {
    title: "Collapse",
    settings: { data: "digits", prior: "standard", beta: 5 },
    until: 500,
    sentence: "At β = 5 a code costs more than it saves: all posteriors have become the prior, no unit is active, and the decoder draws the mean digit wherever you point.",
    question: "Set β to 1 and go on. Do the units wake up again, and how long does it take? Would a warm-up have spared them?",
  },
  one: {
    title: "K = 1 against 50",
    settings: { data: "moons", prior: "vamp", k: 1 },
    until: 1000,
    sentence: "With K = 1 the VampPrior is one normal distribution, which has no room for the gap between two moons: the misfit stays above a third of a nat.",
    question: "Set K to 50 and go on. How many nats does the ELBO gain, and which part of the KL term pays for it?",
  },
  origin: {
    title: "A mixture at the origin",
    settings: { data: "pinwheel", prior: "mixture", warmup: 1000 },
    until: 100,
    sentence: "The components of a mixture start around the origin, and the codes leave them behind: after 100 steps more than a third of its draws lie in holes. A VampPrior's components are among the codes from the first step on.",
    question: "Start again with a VampPrior: how many of its draws are in holes after 100 steps? And how long does the mixture take to catch up?",
  },
  runaway: {
    title: "Runaway scale",
    settings: { data: "digits", prior: "vamp", warmup: 2000 },
    until: 2000,
    sentence: "A VampPrior ties the codes to no scale: they have spread more than four times as far as under a standard normal prior, and the axes had to follow.",
    question: "Change the prior to the standard normal and go on. How does the spread of the codes change, and what does it do to the misfit on the way?",
  },
  confident: {
    title: "An over-confident encoder",
    settings: { data: "moons", prior: "standard", beta: 0.01 },
    until: 1500,
    sentence: "At β = 0.01 narrow posteriors are cheap, so the ellipses have shrunk to dots. Importance samples from them miss most of log p(x): their estimate is two nats too low or more, and its standard error knows nothing of it.",
    question: "Press “Measure the likelihood”. Then set β to 1, go on for a thousand steps and measure again: which of the three numbers can be trusted now?",
  },
};
