"""Keras networks and arrays as text that a page can read: JSON, with the numbers as base64."""

import base64

import numpy as np

import vamp_core as vc

ACTIVATIONS = {"relu": "relu", "swish": "swish", "silu": "swish", "linear": "linear"}
KINDS = {"Dense": "dense", "Conv2D": "convolution", "Conv2DTranspose": "transposed"}


def packed(array, kind):
    """An array's bytes, little-endian, as base64; `kind` is a NumPy type such as "<f2"."""
    return base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()


def halves(array):
    """As `packed`, in half precision, if that loses nothing.

    Raises:
        InputError: it would lose something.
    """
    array = np.asarray(array, "float32")
    if not np.array_equal(array.astype("float16").astype("float32"), array):
        raise vc.InputError("A weight has no half-precision form: export models as load_pretrained returns them.")
    return packed(array, "<f2")


def network(model):
    """The layers of a network whose layers follow one another, in order: a list of dictionaries.

    Two heads, called mean and logvar, become one dense layer that gives both, mean first.
    """
    described, heads = [], {}
    for layer in model.layers:
        if layer.name in ("mean", "logvar"):
            heads[layer.name] = layer
        elif layer.weights:  # without weights are inputs, reshapings and the clip of the log-variance
            described.append(_layer(layer))
    if heads:
        kernel, bias = (np.concatenate(parts, axis=-1) for parts in
                        zip(heads["mean"].get_weights(), heads["logvar"].get_weights(), strict=True))  # fmt: skip
        described.append(_dense(kernel, bias, "linear"))
    return described


def split_network(model):
    """The HVAE's `lower_encoder` in two: the layers on z2 alone, and those after the image's features have joined."""
    described = network(model)
    joined_size = next(layer for layer in model.layers if type(layer).__name__ == "Concatenate").output.shape[-1]
    first = next(index for index, layer in enumerate(described) if layer["inputs"] == joined_size)
    return described[:first], described[first:]


def _layer(layer):
    kind, activation = KINDS.get(type(layer).__name__), layer.activation.__name__
    if kind is None or activation not in ACTIVATIONS:
        raise vc.InputError(f"The page has no layer such as {layer.name}: {type(layer).__name__} with {activation}.")
    activation = ACTIVATIONS[activation]
    kernel, bias = layer.get_weights()
    if kind == "dense":
        return _dense(kernel, bias, activation)
    if kind == "transposed":  # Keras has (height, width, out, in); both kinds go through the inputs one by one
        kernel = kernel.transpose(0, 1, 3, 2)
    return {
        "kind": kind,
        "activation": activation,
        "input": list(layer.input.shape[1:]),
        "output": list(layer.output.shape[1:]),
        "kernel": kernel.shape[0],
        "stride": layer.strides[0],
        "weights": halves(np.concatenate([kernel.ravel(), bias])),
    }


def _dense(kernel, bias, activation):
    inputs, outputs = kernel.shape
    weights = halves(np.concatenate([kernel.ravel(), bias]))
    return {"kind": "dense", "activation": activation, "inputs": inputs, "outputs": outputs, "weights": weights}
