"""Every way in looks at the data first: the same sentences, and the same numbers, whatever holds the data."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import ops
from tables import TABLE, table_vae

import vamp_core as vc


def tf_data(x):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(x).batch(20)


class Sequence(keras.utils.PyDataset):
    """Batches of twenty, each a tuple that begins with the data."""

    def __init__(self, x, *rest):
        super().__init__()
        self.x, self.rest = x, rest

    def __len__(self):
        return -(-len(self.x) // 20)

    def __getitem__(self, index):
        return (self.x[20 * index : 20 * index + 20], *self.rest)


class Endless(keras.utils.PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return (TABLE[20 * (index % 3) : 20 * (index % 3) + 20],)


def loader(x):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.as_tensor(x)), batch_size=20)


def generator(x):
    return (x[first : first + 20] for first in range(0, len(x), 20))


HOLDERS = {
    "array": lambda x: x,
    "tuple": lambda x: (x,),
    "tuple with targets": lambda x: (x, np.zeros(len(x))),
    "nested list": lambda x: x.tolist(),
    "nested list in a tuple": lambda x: (x.tolist(),),
    "tensor": ops.convert_to_tensor,
    "tf.data": tf_data,
    "tf.data in a tuple": lambda x: (tf_data(x),),
    "PyDataset": Sequence,
    "DataLoader": loader,
    "generator": generator,
}
OF_BATCHES = ("tf.data", "tf.data in a tuple", "PyDataset", "DataLoader", "generator")
all_holders = pytest.mark.parametrize("holder", HOLDERS)


def still(model=None):
    """A compiled model that no training moves, whose estimates of the ELBO have no noise."""
    model = model or table_vae()
    for head in model.encoder.layers[-2:]:
        head.set_weights([0 * weight for weight in head.get_weights()])
    model.decoder.layers[-1].set_weights([0 * weight for weight in model.decoder.layers[-1].get_weights()])
    model.compile(keras.optimizers.SGD(0.0))
    return model


EXPECTED = 7 * np.log(2.0)  # a fair coin for each column, and the prior for the posterior


@all_holders
def test_the_numbers_do_not_depend_on_what_holds_the_data(holder):
    model, of = still(), HOLDERS[holder]
    how = {} if holder in OF_BATCHES else {"batch_size": 20}
    history = model.fit(of(TABLE), validation_data=of(TABLE), verbose=0, **how).history
    assert [history["loss"][0], history["val_loss"][0]] == pytest.approx([EXPECTED] * 2, rel=1e-5)
    assert model.evaluate(of(TABLE), verbose=0, **how)[0] == pytest.approx(EXPECTED, rel=1e-5)
    predicted = model.predict(of(TABLE), verbose=0, **how)
    np.testing.assert_allclose(predicted.reconstruction, np.full(60, -EXPECTED), rtol=1e-5)
    if holder not in OF_BATCHES:
        assert model.train_on_batch(of(TABLE))[0] == pytest.approx(EXPECTED, rel=1e-5)
        assert model.test_on_batch(of(TABLE))[0] == pytest.approx(EXPECTED, rel=1e-5)
        assert model.predict_on_batch(of(TABLE)).kl.shape == (60,)


WAYS_IN = {
    "fit": lambda model, x: model.fit(x, verbose=0),
    "validation_data": lambda model, x: model.fit(TABLE, validation_data=x, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "train_on_batch": lambda model, x: model.train_on_batch(x),
    "test_on_batch": lambda model, x: model.test_on_batch(x),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
}
all_ways_in = pytest.mark.parametrize("way", WAYS_IN)
BAD = {
    "divide by 255": 255 * TABLE,
    r"\(60, 6\)|\(20, 6\)|\(6,\)": TABLE[:, :6],
    "shape": TABLE[:, :, None],
    "7 NaN|14 NaN|420 NaN|140 NaN": np.full_like(TABLE, np.nan),
    "rescale or clip": TABLE - 0.5,
}


@pytest.mark.parametrize("message", BAD)
@all_ways_in
@pytest.mark.parametrize("holder", ["array", "tuple", "tf.data", "PyDataset", "DataLoader", "generator"])
def test_data_that_cannot_be_scored_are_refused_at_every_door(holder, way, message):
    if holder in OF_BATCHES and "on_batch" in way:
        return
    model = still()
    with pytest.raises(vc.InputError, match=message):
        WAYS_IN[way](model, HOLDERS[holder](BAD[message]))


NO_DATA = {
    "masked in part": np.ma.masked_less(TABLE, 0.5),
    "a dictionary of x": {"x": TABLE},
    "a str": "data",
    "a NoneType": None,
    "a float": 0.5,
    "a set": {1.0},
    "do not form one array|one array": [TABLE[0].tolist(), TABLE[1, :4].tolist()],
    "are empty": TABLE[:0],
}


@pytest.mark.parametrize("message", NO_DATA)
@all_ways_in
def test_what_is_no_data_gets_a_sentence(way, message):
    if (way, message) != ("validation_data", "a NoneType"):  # which is none
        with pytest.raises(vc.InputError, match=message):
            WAYS_IN[way](still(), NO_DATA[message])


def test_numbers_too_great_for_float32_are_refused():
    model = table_vae(likelihood="gaussian")
    model.compile("adam")
    for attempt in (model.fit, model.evaluate, model.elbo):
        with pytest.raises(vc.InputError, match="1e.39, too far for float32"):
            attempt(np.full((4, 7), 1e39))


@pytest.mark.parametrize("way", ["fit", "evaluate", "predict"])
def test_batches_that_are_no_data_get_a_sentence(way):
    model = still()
    for batches, message in (
        (({"image": x} for x in [TABLE]), r"dictionary of image: .*batch\['image'\]"),
        ((x for x in ()), "has no batches"),
        (Sequence(TABLE, None, np.ones(20)), "sample_weight is given"),
        (Sequence(TABLE, np.ones(20), np.ones(20)), "sample_weight is given"),
    ):
        with pytest.raises(vc.InputError, match=message):
            WAYS_IN[way](model, batches)


@pytest.mark.parametrize("weights", [dict(sample_weight=np.ones(60)), dict(class_weight={0: 1.0})])
def test_weights_are_refused_at_every_door(weights):
    model = still()
    doors = [model.fit, model.train_on_batch]
    if "sample_weight" in weights:
        doors += [model.evaluate, model.test_on_batch]
        with pytest.raises(vc.InputError, match="sample_weight"):
            model.fit(TABLE, validation_data=(TABLE, None, np.ones(60)), verbose=0)
        with pytest.raises(vc.InputError, match="sample_weight"):
            model.fit((TABLE, None, np.ones(60)), verbose=0)
    for door in doors:
        for targets in (None, np.zeros(60, int)):
            with pytest.raises(vc.InputError, match=f"{next(iter(weights))} is given"):
                door(TABLE, targets, **weights)


def test_arguments_may_come_by_place_as_keras_prints_them():
    model = still()
    assert len(model.fit(TABLE, None, 20, 2, 0).history["loss"]) == 2
    assert len(model.fit(TABLE, np.zeros(60), 20, 2, 0).history["loss"]) == 2
    assert model.evaluate(TABLE, None, 20, 0)[0] == pytest.approx(EXPECTED, rel=1e-5)
    assert model.predict(TABLE, 20, 0).kl.shape == (60,)
    assert model.fit(x=TABLE, verbose=0).history and model.evaluate(x=TABLE, verbose=0, return_dict=True)["loss"]
    with pytest.raises(TypeError, match="epoch"):
        model.fit(TABLE, epoch=3)


# -- pseudo-inputs ------------------------------------------------------------------------

SORTED = np.repeat(np.arange(100)[:, None] / 100, 7, axis=1).astype("float32")


@pytest.mark.thorough
@pytest.mark.parametrize("holder", ["array", "tf.data", "PyDataset", "DataLoader"])
def test_pseudo_inputs_are_drawn_from_all_of_the_data_each_as_likely_as_another(holder):
    counts = np.zeros(100)
    for seed in range(40):
        model = table_vae(prior=vc.VampPrior(25, trainable=False), seed=seed)
        batches = HOLDERS[holder](SORTED)
        model._start_prior(batches) if holder != "array" else model.prior.adapt(batches, seed)
        chosen = np.rint(100 * model.prior.pseudo_inputs.numpy()[:, 0]).astype(int)
        assert len(set(chosen)) == 25  # without replacement
        counts[chosen] += 1
    # 40 draws with probability 1/4 each; five standard deviations of a binomial's 10 ± 2.7, and of each fifth's 200.
    assert counts.min() >= 1 and counts.max() <= 10 + 5 * 2.8
    assert np.all(np.abs(counts.reshape(5, 20).sum(axis=1) - 200) < 5 * np.sqrt(200 * 0.75))


def test_held_out_data_are_no_pseudo_inputs():
    model = table_vae(prior=vc.VampPrior(40, trainable=False))
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(TABLE, validation_split=0.25, verbose=0)
    held_out = {row.tobytes() for row in TABLE[45:]}
    assert not held_out & {row.tobytes() for row in model.prior.pseudo_inputs.numpy()}


def test_data_sets_without_an_end_start_pseudo_inputs_from_one_epoch():
    model = table_vae(prior=vc.VampPrior(30))
    model.compile("adam")
    with pytest.raises(vc.InputError, match="has no end.*steps_per_epoch"):
        model.fit(Endless(), verbose=0)
    with pytest.raises(vc.InputError, match="30 pseudo-inputs but only 20"):
        model.fit(Endless(), steps_per_epoch=1, verbose=0)
    model.fit(Endless(), steps_per_epoch=2, verbose=0)
    assert model.prior.adapted
    if importlib.util.find_spec("tensorflow"):
        model = table_vae(prior=vc.VampPrior(30))
        model.compile("adam")
        with pytest.raises(vc.InputError, match="has no end"):
            model.fit(tf_data(TABLE).repeat(), verbose=0)
        model.fit(tf_data(TABLE).repeat(), steps_per_epoch=3, verbose=0)
