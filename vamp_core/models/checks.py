"""What a model's arguments are held to before it is built: sizes, and networks that fit together."""

import keras
import numpy as np
from keras import tree

from vamp_core.errors import InputError, check_count
from vamp_core.networks.activations import check_activation

# The arguments by which networks are handed in; a model has some of them or all.
NETWORKS = ("encoder", "image_features", "lower_encoder", "conditional_prior", "decoder")


def by_name(choice, table, what, kind):
    """The object that `choice` stands for in `table`; objects of `kind` pass through.

    Raises:
        InputError: a name that is not in `table`, or an object of another kind.
    """
    if isinstance(choice, kind):
        return choice
    if not isinstance(choice, str) or choice not in table:
        raise InputError(
            f"{what} is {choice!r}; choose one of {', '.join(table)}, or hand in a vamp_core {kind.__name__}."
        )
    return table[choice]()


def constructor_arguments(arguments):
    """The constructor's own arguments, for `get_config`; Keras insists on Python's integers, not NumPy's."""
    left_out = {"self", "__class__", "kwargs"}
    own = {name: value for name, value in arguments.items() if name not in left_out}
    return tree.map_structure(lambda value: value.tolist() if isinstance(value, np.generic) else value, own)


def default_sizes(config):
    """image_shape and latent_dim of the networks that are not handed in."""
    image_shape, latent_dim = config["image_shape"], config["latent_dim"]
    return (28, 28, 1) if image_shape is None else image_shape, 2 if latent_dim is None else latent_dim


def builds_nothing(config):
    """Whether all networks are handed in, so that `image_shape` and `latent_dim` decide nothing."""
    return "encoder" in config and all(config[name] is not None for name in NETWORKS if name in config)


def check_asked(config, **given):
    """Raises an `InputError` where networks that are all handed in have other sizes than those asked for."""
    for name, size in given.items():
        asked = config[name]
        if builds_nothing(config) and asked is not None and tree.flatten(asked) != tree.flatten(size):
            raise InputError(f"{name} is {asked}, but the networks handed in are made for {size}: leave it out.")


def check_sizes(latent_dim, levels, activation):
    """Raises an `InputError` for numbers of latents or activations that no model can have."""
    check_count("latent_dim", latent_dim)
    if latent_dim % levels:
        raise InputError(
            f"latent_dim is {latent_dim}; an HVAE shares it out over {levels} levels: choose an even number."
        )
    check_activation(activation)


def check_logvar_range(logvar_range):
    """Raises an `InputError` for limits that are no limits."""
    if np.shape(logvar_range) != (2,) or not -np.inf < logvar_range[0] < logvar_range[1] < np.inf:
        raise InputError(f"logvar_range is {logvar_range!r}; give two numbers, the lower one first: (-6, 2).")


def check_shape(what, tensor, shape):
    """Raises an `InputError` for a tensor of another shape than (B, *shape), as far as it is known."""
    known = getattr(tensor, "shape", None)
    wanted = ", ".join(map(str, ("N", *shape)))
    if known is None:
        raise InputError(f"The {what} are a {type(tensor).__name__}: pass an array or a tensor ({wanted}).")
    if getattr(known, "rank", 0) is None:  # TensorFlow's shape that is not known at all
        return
    if len(known) != 1 + len(shape) or any(a not in (None, b) for a, b in zip(known[1:], shape, strict=True)):
        raise InputError(f"The {what} have shape {tuple(known)}, but this model takes ({wanted}).")


NORMAL = "[mean, logvar], (B, D) each"
ROLES = {  # what each network takes and gives
    "encoder": ("data", NORMAL),
    "image_features": ("data", "features"),
    "lower_encoder": ("[features, z2]", NORMAL),
    "conditional_prior": ("z2", NORMAL),
    "decoder": ("latents", "the likelihood's parameters"),
}


def network_shapes(name, network):
    """The shapes that a network takes and gives for one data point: two lists.

    Raises:
        InputError: the network cannot take its place in a model.
    """
    if not isinstance(network, keras.Model):
        raise InputError(f"The {name} is a {type(network).__name__}: hand in a keras.Model(inputs, outputs).")
    if not hasattr(network, "outputs"):
        raise InputError(
            f"The {name} does not know its shapes: make it by keras.Model(inputs, outputs), "
            "or begin a Sequential with keras.Input(shape)."
        )
    inputs, outputs = ([tuple(part.shape[1:]) for part in parts] for parts in (network.inputs, network.outputs))
    takes, gives = ROLES[name]
    of_a_normal = len(outputs) == 2 and outputs[0] == outputs[1] and len(outputs[0]) == 1
    fits = of_a_normal if gives == NORMAL else len(outputs) == 1
    as_dictionary = isinstance(getattr(network, "output", None), dict)
    if as_dictionary or not fits or len(inputs) != (2 if name == "lower_encoder" else 1):
        given = "a dictionary of " * as_dictionary + _in_words(outputs)
        raise InputError(
            f"The {name} takes {_in_words(inputs)} and gives {given}, but must take {takes} and give {gives}: "
            "change its inputs or its outputs."
        )
    return inputs, outputs


def _in_words(shapes):
    return " and ".join(f"({', '.join(map(str, ('B', *shape)))})" for shape in shapes)


def check_fit(what, shapes, other, needed):
    if shapes != needed:
        raise InputError(f"The {what} {_in_words(shapes)}, but {other} {_in_words(needed)}: make the two agree.")
