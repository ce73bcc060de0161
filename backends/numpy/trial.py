"""What `metricloss check` and `metricloss demo` do with a loss for NumPy."""

import numpy as np


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64; of a vector its sum."""
    return float(np.sum(module.loss(labels, scores, sample_weight=weights)))


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores; and None, for NumPy cannot differentiate the plain formula."""
    return module.value_and_grad(labels, scores, sample_weight=weights)[1].tolist(), None


def trainer(module, width, rate):
    """A function that trains a linear classifier with Adam on a loss, or on cross-entropy without one."""
    value_and_grad = cross_entropy if module is None else module.value_and_grad

    def train(features, labels, steps):
        weights = mean = square = np.zeros(width)
        for step in range(1, steps + 1):
            gradient = features.T @ value_and_grad(labels, features @ weights)[1]
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            size = np.sqrt(square / (1 - 0.999**step)) + 1e-8
            weights = weights - rate * mean / (1 - 0.9**step) / size
        return weights

    return train


def cross_entropy(labels, logits):
    """The mean cross-entropy and its gradient by the logits."""
    value = np.mean(np.logaddexp(0, logits) - labels * logits)
    return value, (1 / (1 + np.exp(-logits)) - labels) / len(labels)
