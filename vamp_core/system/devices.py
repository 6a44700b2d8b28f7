"""Training on several devices by the engines that exist: `tf.distribute` on TensorFlow, the partitioner on JAX.

TensorFlow runs a step once on each device, as a *replica* with its part of the batch. JAX runs one program on all
devices, in which it is enough to say along which axis a tensor is shared out. What follows from either is told here.
"""

import contextlib
import functools

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError, check_count
from vamp_core.system.hosts import join_hosts, number_of_hosts, several_hosts

ENGINES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
# Between the seeds of two replicas: odd, so that multiples of it stay apart, and far from any seed one would choose.
BETWEEN_REPLICAS = 0x9E3779B1


def number_of_devices(devices):
    """How many devices `devices` stands for: a number, or "all" that the backend sees.

    These are its GPUs, or CPUs where there is no GPU, of which a machine has one unless the backend was told to divide
    it. With several hosts, which join here, they are those of all.

    Raises:
        InputError: there are fewer, or the backend is PyTorch and `devices` not 1, or the hosts cannot join.
    """
    if devices != "all":
        check_count("devices", devices)
    hosts = number_of_hosts()
    if devices == 1 == hosts:
        return 1
    join_hosts()
    engine = ENGINES[keras.backend.backend()]
    if engine == "PyTorch":
        raise InputError(
            f"devices is {devices}, but with PyTorch Keras trains on one: choose 1, or set KERAS_BACKEND to tensorflow "
            "or jax."
        )
    seen = _seen()
    if devices == "all":
        return len(seen)
    if hosts > 1 and devices != len(seen):
        raise InputError(f"devices is {devices}, but {hosts} hosts train with all of theirs: choose all.")
    if devices > len(seen):
        kind = seen[0].partition(":")[0].upper()
        raise InputError(
            f"devices is {devices}, but {engine} sees {len(seen)} {kind}{'s' * (len(seen) > 1)}: choose "
            f"at most {len(seen)}, or all."
        )
    return devices


def _seen():
    """The names of the devices that training can go to: "gpu:0", ..., or "cpu:0" where there is no other kind."""
    names = keras.distribution.list_devices()
    return [name for name in names if not name.startswith("cpu")] or names


@contextlib.contextmanager
def on_devices(devices="all"):
    """Models that are made inside the block are trained on several devices, each with its part of every batch.

    Make, compile and fit them inside. The batch size is that of all devices together, so that a training takes the
    same steps however many there are. Their weights are the same on all of them, and can be saved as always.

    Args:
        devices: how many, or "all". With 1 nothing changes.

    Yields:
        How many there are.

    Raises:
        InputError: as `number_of_devices`.
    """
    count = number_of_devices(devices)
    if count == 1:
        yield count
        return
    names = _seen()[:count]
    if keras.backend.backend() == "jax":
        with _Partitioned(devices=names, auto_shard_dataset=False).scope():
            yield count
    else:
        with _mirrored(tuple(names)).scope():
            yield count


@functools.cache  # since TensorFlow takes the collective operations of a second one for those of the first
def _mirrored(names):
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


class _Partitioned(keras.distribution.DataParallel):
    """As Keras's, but hands each device the whole batch, of which `shared_out` lets it compute its part.

    Keras would have the first axis of every batch divisible by the number of devices, the last batch's too.
    """

    def get_data_layout(self, data_shape):
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


def _partition():
    found = keras.distribution.distribution()
    return found if isinstance(found, _Partitioned) else None


def _replica():
    """TensorFlow's context of one replica among several, else None."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def has_replicas():
    """Whether a model that is made here is trained by several replicas of `tf.distribute`."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync > 1


def trained_by_replicas(model):
    """Whether a model was made to be trained by several replicas of `tf.distribute`."""
    strategy = getattr(model, "distribute_strategy", None)  # on TensorFlow alone
    return strategy is not None and strategy.num_replicas_in_sync > 1


def shared_out(batch):
    """A batch of a step, (B, ...), as each device is to take it: its part of it.

    A replica of `tf.distribute` has its part already. It may be empty at the end of an epoch, and TensorFlow's
    convolutions fail for that: it is then one data point of zeros, which `mean_over_batch` is not to see.
    """
    if (found := _partition()) is not None:
        import jax

        if not isinstance(batch, jax.core.Tracer):  # outside of a compiled step a device computes all by itself
            return batch
        along_batch = [found.batch_dim_name] + [None] * (len(batch.shape) - 1)
        return keras.distribution.distribute_tensor(
            batch, keras.distribution.TensorLayout(along_batch, found.device_mesh)
        )
    if _replica() is None:
        return batch
    missing = ops.maximum(1 - ops.shape(batch)[0], 0)
    return ops.concatenate([batch, ops.zeros((missing, *batch.shape[1:]), batch.dtype)])


def computed_in_parts(network, x):
    """`network(x)`, a tuple of tensors (K, ...), for the same x (K, ...) on all devices.

    Each computes its part of the K rows, and all get all results. (On TensorFlow only where K can be divided by the
    number of replicas; elsewhere each computes them all.)
    """
    replica = _replica()
    if replica is None:
        return network(shared_out(x))
    each, rest = divmod(x.shape[0], replica.num_replicas_in_sync)
    if rest:
        return network(x)
    start = replica.replica_id_in_sync_group * each
    parts = network(x[start : start + each])
    # Reshaped, since what is gathered does not know its length.
    return tuple(ops.reshape(replica.all_gather(part, axis=0), (x.shape[0], *part.shape[1:])) for part in parts)


def all_nan(shape, dtype=None):
    """An initializer. JAX compares what several hosts give a weight, and takes no NaN for equal to another one."""
    values = np.full(shape, np.nan, dtype)
    if not several_hosts() or (found := _partition()) is None:
        return ops.convert_to_tensor(values)
    import jax

    layout = found.get_data_layout(shape).backend_layout
    return jax.make_array_from_callback(shape, layout, lambda part: values[part])


def mean_over_batch(values):
    """The mean of (B,) values over the whole batch, of which each replica has a part; differentiable."""
    replica = _replica()
    if replica is None:
        return ops.mean(values)
    total, count = replica.all_reduce("SUM", [ops.sum(values), ops.cast(ops.shape(values)[0], values.dtype)])
    return total / count


def share_of_loss(loss):
    """What a replica has to derive of a loss that all replicas have alike, since their gradients are summed."""
    replica = _replica()
    return loss if replica is None else loss / replica.num_replicas_in_sync


class Noise(keras.random.SeedGenerator):
    """A `SeedGenerator` that gives each replica noise of its own; Keras's own would give all the same."""

    def next(self, ordered=True):
        seed, replica = super().next(ordered), _replica()
        if replica is None:
            return seed
        return seed + ops.cast(replica.replica_id_in_sync_group * np.array([BETWEEN_REPLICAS, 0]), seed.dtype)
