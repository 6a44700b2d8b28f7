"""What Keras forgets of a model's layers when it copies or saves it: which networks share them, which are frozen.

Keras writes down each network by itself. Here a layer goes by its place, "encoder/3" for the encoder's fourth
layer and "encoder/3/0" for the first one inside of that: names would be others in a network that is built anew.
"""

import keras

from vamp_core.errors import InputError


def shared_layers(networks):
    """{place: place of the same layer in an earlier network} of all layers with weights that networks share.

    Args:
        networks: {name: `keras.Model`}.

    Raises:
        InputError: networks share weights in a way that no copy could repeat, inside of one layer.
    """
    first, shared, owners = {}, {}, {}

    def visit(place, layer):
        if not layer.weights:
            return
        if id(layer) in first:
            shared[place] = first[id(layer)]
            return
        first[id(layer)] = place
        for inner, child in _children(place, layer):
            visit(inner, child)
        if not _children(place, layer):
            for weight in layer.weights:
                if owners.setdefault(id(weight), place) != place:
                    raise InputError(
                        f"The layers {_in_words(networks, owners[id(weight)])} and {_in_words(networks, place)} share "
                        f"the weight {weight.name!r}, which would be lost when the model is saved or copied: share "
                        "whole layers, or a keras.Model of them."
                    )

    for name, network in networks.items():
        visit(name, network)
    return shared


def share_layers(networks, shared):
    """The networks with the layers at the places that `shared_layers` names replaced by the ones that they are."""
    networks = dict(networks)

    def rewired(place, layer):
        if place in shared:
            return _find(networks, shared[place])
        if not any(other.startswith(f"{place}/") for other in shared):
            return layer
        places = {id(child): inner for inner, child in _children(place, layer)}
        return keras.models.clone_model(layer, clone_function=lambda child: rewired(places[id(child)], child))

    for name in networks:
        networks[name] = rewired(name, networks[name])
    return networks


def frozen_layers(parts):
    """The places of all layers that are not trainable, in the networks and the prior of `parts`."""
    return [place for place, layer in _walk(parts) if not layer.trainable]


def freeze_layers(parts, frozen):
    """Makes the layers at the places of `frozen` not trainable, and all others trainable."""
    for place, layer in _walk(parts):  # the outer layer first, since it decides for its inner ones
        if layer.trainable != (place not in frozen):
            layer.trainable = place not in frozen


def _walk(parts):
    for place, layer in parts.items():
        yield place, layer
        yield from _walk(dict(_children(place, layer)))


def _children(place, layer):
    layers = layer.layers if isinstance(layer, keras.Model) else []
    return [(f"{place}/{index}", child) for index, child in enumerate(layers)]


def _find(networks, place):
    name, *path = place.split("/")
    layer = networks[name]
    for index in path:
        layer = layer.layers[int(index)]
    return layer


def _in_words(networks, place):
    return f"{_find(networks, place).name!r} of the {place.split('/')[0]}"
