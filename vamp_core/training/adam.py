"""Adam as Keras has it, with TensorFlow's own kernel for the update."""

import keras


@keras.saving.register_keras_serializable(package="vamp_core")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`, in half the time on TensorFlow.

    Keras writes the update (Kingma & Ba 2015, algorithm 1) as some ten operations on whole weights, each of which
    TensorFlow reads from memory and writes back. TensorFlow has one kernel for all of them. Arguments, numbers up to
    rounding, and the state in files are Keras's, on other backends too. (On PyTorch take Keras's own, which updates all
    weights together, but no subclass's.)
    """

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        if not isinstance(gradient, tf.Tensor):  # of an embedding, whose kernel would leave other rows as they are
            return super().update_step(gradient, variable, learning_rate)
        dtype, index = variable.dtype, self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, dtype), step),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
