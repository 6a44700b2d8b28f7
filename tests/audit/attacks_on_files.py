"""What is read and parsed: command lines, cards, records, histories, headers, arguments.

Each attack yields (what it tries, a function that raises where it was not survived).
"""

import gzip
import io
import json
import random
import shutil
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vamp_core as vc
from vamp_core import data
from vamp_core.errors import InputError
from vamp_core.images import check_images
from vamp_core.networks.activations import check_activation
from vamp_core.pretrained import FOLDER, read_card
from vamp_core.training.history import read_history, to_csv
from vamp_core.training.run_folder import RunFolder
from vamp_core.training.sizes import check_memory

ODD = [
    *"0 -1 1 2 3 7 1e3 -1e2 -1E+2 inf -inf nan 1e308 -1e308 1e-320 4294967296 18446744073709551616 0x10 1_0".split(),
    *"relu glu softmax threshold vae hvae vamp mog gaussian bernoulli conv gated_mlp cosine dynamic static".split(),
    *"on off None True -- - ~nosuchuser ../x a/b gs://b/m.keras hf://a/b /dev/null mnist digits paper book".split(),
    *("", " ", "\x01", "é" * 300, "9" * 5000, "1" + "0" * 30, "float32", "mixed_float16"),
]


def or_sentence(function, *arguments):
    """Calls it; an `InputError` of one line is as good as a result."""
    try:
        return function(*arguments)
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError("more than one line") from error
        return None


def commands(tries):
    rng = random.Random(0)
    names = [*vc.TrainingConfig.__dataclass_fields__, "recipe", "nonsense"]
    for _ in range(tries):
        line = []
        for name in rng.choices(names, k=rng.randint(1, 5)):
            line += [f"--{name}", *rng.choices(ODD, k=rng.choice((0, 1, 1, 1, 2, 2)))]
        yield line, partial(_held, line)


def _held(line):
    config = or_sentence(vc.TrainingConfig.from_flags, line)
    if config is not None:
        or_sentence(check_memory, config, (28, 28, 1))
        config.fingerprint()


def mutated(content, rng):
    """Bytes with some flipped, cut, doubled, or replaced."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        end = min(len(content), place + rng.randint(1, 40))
        change = rng.choice(("flip", "cut", "double", "word", "short"))
        if change == "flip" and place < len(content):
            content[place] ^= 1 << rng.randrange(8)
        elif change == "cut":
            del content[place:end]
        elif change == "double":
            content[place:place] = content[place:end]
        elif change == "word":
            words = (b"null", b"[]", b"{}", b"NaN", b"-1", b'"x"', b"1e999", b"\xff\xfe", b"9" * 30, b"true")
            content[place:end] = rng.choice(words)
        elif rng.random() < 0.2:
            del content[place:]
    return bytes(content)


def files(tries):
    """Each kind of file in turn, changed at random."""
    rng = random.Random(0)
    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    shapes = {key: (count // 1000, *rest) for key, (count, *rest) in data.SHAPES.items()}
    kept, data.SHAPES = data.SHAPES, shapes
    try:
        makers = [_card(folder), _config(folder), _history(folder), _npz(folder, shapes), _idx(folder, shapes)]
        for number in range(tries):
            path, read = makers[number % len(makers)]
            sound = path.read_bytes()
            path.write_bytes(mutated(sound, rng))
            yield f"{path.name}, number {number}", partial(_read, read)
            path.write_bytes(sound)
    finally:
        data.SHAPES = kept
        shutil.rmtree(folder)


def _read(read):
    or_sentence(read)


def _card(folder):
    card = json.loads((FOLDER / "mnist-vae-vamp.json").read_text())
    del card["fingerprint"], card["history"]
    (folder / "card.json").write_text(json.dumps(card))

    def read():
        card = read_card("card", folder)
        try:
            vc.TrainingConfig(**card["experiment"])
        except (TypeError, KeyError):  # `load_pretrained` has a sentence for these
            or_sentence(vc.load_pretrained, "card", folder)

    return folder / "card.json", read


def _config(folder):
    config = vc.TrainingConfig(data_set="digits", output_dir=str(folder), resume=True)
    run = RunFolder(config)
    run.begin_session({"first_epoch": 1})
    return run.config_file, lambda: RunFolder(config)


def _history(folder):
    epochs = [float(epoch) for epoch in range(1, 9)]
    (folder / "history.csv").write_text(to_csv({"epoch": epochs, "loss": epochs, "val_loss": epochs}))
    return folder / "history.csv", lambda: read_history(folder / "history.csv")


def _npz(folder, shapes):
    (folder / "npz").mkdir()
    with zipfile.ZipFile(folder / "npz" / "mnist.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for key, shape in shapes.items():
            np.save(content := io.BytesIO(), np.zeros(shape, "uint8"))
            archive.writestr(f"{key}.npy", content.getvalue())
    return folder / "npz" / "mnist.npz", lambda: vc.load_data("mnist", folder / "npz")


def _idx(folder, shapes):
    (folder / "idx").mkdir()
    for key, name in data.IDX_FILES.items():
        header = bytes([0, 0, 8, len(shapes[key])]) + np.array(shapes[key], ">u4").tobytes()
        (folder / "idx" / name).write_bytes(header + bytes(int(np.prod(shapes[key]))))
    path = folder / "idx" / "raw"
    path.write_bytes((folder / "idx" / data.IDX_FILES["x_train"]).read_bytes()[:200])

    def read():  # what is changed is the header, not the compressed stream
        (folder / "idx" / data.IDX_FILES["x_train"]).write_bytes(gzip.compress(path.read_bytes(), 1))
        vc.load_data("mnist", folder / "idx")

    return path, read


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5),
    st.lists(st.floats(), max_size=4), st.tuples(st.floats(), st.floats()), st.dictionaries(st.text(), st.none()),
)  # fmt: skip
shapes = st.lists(st.integers(0, 5), max_size=5)
PROBES = {
    "a setting": (
        lambda name, value: vc.TrainingConfig(**{name: value}),
        (st.sampled_from([*vc.TrainingConfig.__dataclass_fields__]), anything),
    ),
    "a model's name": (read_card, (anything,)),
    "an activation": (lambda name: check_activation(name), (st.text(max_size=20),)),
    "images": (check_images, (anything,)),
    "images of a shape": (lambda shape, value: check_images(np.full(shape, value)), (shapes, st.floats(width=32))),
    "a data set": (
        lambda name, place: vc.load_data(name, place),
        (st.text(max_size=9), st.text(min_size=1, max_size=20)),
    ),
}


def api(tries):
    for what, (function, arguments) in PROBES.items():
        for number in range(-(-tries // len(PROBES) // 100)):

            def probe(function=function, arguments=arguments):
                @settings(max_examples=100, database=None, deadline=None, suppress_health_check=list(HealthCheck))
                @given(st.tuples(*arguments))
                def hypothesis(values):
                    or_sentence(function, *values)

                hypothesis()
                return 100

            yield f"{what}, hundred {number + 1}", probe
