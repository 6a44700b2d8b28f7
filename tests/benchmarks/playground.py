"""Training steps a second in the playground's page, beside TensorFlow.js on the same network in the same browser.

    pip install playwright
    python tests/benchmarks/playground.py [--seconds 4] [--rounds 3]      needs npm; CHROMIUM names another browser

Batches of 128, two layers of 32 each way, a VampPrior of 50 components, one core. Single figures drift
with the machine's other load; the ratio is what to compare, so each round measures all of them in turn.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "book"), str(HERE.parents[1] / "book" / "playground")]

from browse import QUIET  # noqa: E402
from export_playground import ENGINE  # noqa: E402

SETTING = {"batch": 128, "size": 2, "width": 32, "depth": 2, "components": 50, "stddev": 0.1}

PLAIN = """({batch, size, width, depth, components, stddev}) => {
    const random = new Playground.Random(1), points = Float64Array.from({length: 500 * size}, () => random.normal());
    const model = new Playground.Model({size, likelihood: Playground.gaussian(stddev), width, depth}, random);
    model.usePrior(Playground.PRIORS.vamp(components, random, {count: 500, size, points, range: null}));
    const parts = [model.encoder, model.decoder, model.prior];
    const optimizers = parts.map(part => new Playground.Adam(part.values.length));
    window.step = (x, noise) => {
        model.lossAndGradients(x, batch, noise, 1);
        parts.forEach((part, k) => optimizers[k].step(part.values, part.gradients, 1e-3));
    };
}"""

TENSORFLOW = """async ({backend, ...setting}) => {
    tf.wasm.setWasmPaths("http://localhost/tfjs/");
    await tf.setBackend(backend);
    await tf.ready();
    if (tf.getBackend() !== backend) throw new Error("backend " + backend + " is missing");
    const minimize = tensorflowStep(setting);
    window.step = async (x, noise) => { const loss = minimize(x, noise); await loss.data(); loss.dispose(); };
}"""

# Randomness costs both the same, so it is drawn before the clock starts.
MEASURE = """async ({batch, size, seconds}) => {
    const normals = count => Float32Array.from({length: count}, () => Math.random() + Math.random() - 1);
    const x = normals(batch * size), noise = normals(batch * 2);
    const run = async until => {
        let steps = 0;
        for (; performance.now() < until; steps++) await step(x, noise);
        return steps;
    };
    await run(performance.now() + 1000);
    const start = performance.now(), steps = await run(start + 1000 * seconds);
    return 1000 * steps / (performance.now() - start);
}"""


def tensorflow_js(folder):
    """TensorFlow.js with its WASM backend from npm: {file name: path}."""
    packages = ["@tensorflow/tfjs@4", "@tensorflow/tfjs-backend-wasm@4"]
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--prefix", folder, *packages], check=True)
    dist = "node_modules/@tensorflow/{}/dist"
    main, wasm = (Path(folder) / dist.format(name) for name in ("tfjs", "tfjs-backend-wasm"))
    files = [main / "tf.min.js", wasm / "tf-backend-wasm.min.js", *wasm.glob("*.wasm")]
    return {path.name: path for path in files}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files = tensorflow_js(folder)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=QUIET
        )
        page = browser.new_page()
        page.route("http://localhost/tfjs/*", lambda route: route.fulfill(path=files[route.request.url.split("/")[-1]]))
        page.route("http://localhost/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.goto("http://localhost/")
        libraries = [files["tf.min.js"], files["tf-backend-wasm.min.js"]]
        for path in [*ENGINE, *libraries, HERE / "playground_tfjs.js"]:
            page.add_script_tag(path=path)
        kilobytes = {"plain typed arrays": sum(path.stat().st_size for path in ENGINE) / 1e3}
        kilobytes["TensorFlow.js, cpu"] = libraries[0].stat().st_size / 1e3
        wasm = files["tfjs-backend-wasm-simd.wasm"].stat().st_size
        kilobytes["TensorFlow.js, wasm"] = (sum(path.stat().st_size for path in libraries) + wasm) / 1e3
        speeds = {name: [] for name in kilobytes}
        for _ in range(arguments.rounds):
            for name in kilobytes:
                if name.startswith("plain"):
                    page.evaluate(PLAIN, SETTING)
                else:
                    page.evaluate(TENSORFLOW, {**SETTING, "backend": name.split()[-1]})
                speeds[name].append(page.evaluate(MEASURE, {**SETTING, "seconds": arguments.seconds}))
        browser.close()
    print(f"{'':22s}{'kB':>6s}{'steps/s':>10s}   each round")
    for name, rounds in speeds.items():
        each = " ".join(f"{speed:.0f}" for speed in rounds)
        print(f"{name:22s}{kilobytes[name]:6.0f}{statistics.median(rounds):10.0f}   {each}")
    plain, *others = speeds.values()
    ratios = [own / max(rivals) for own, *rivals in zip(plain, *others, strict=True)]
    print(f"plain typed arrays are {statistics.median(ratios):.1f} times as fast as TensorFlow.js's best backend")


if __name__ == "__main__":
    main()
