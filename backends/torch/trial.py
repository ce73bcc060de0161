"""What `metricloss check` and `metricloss demo` do with a loss for PyTorch."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64; of a vector its sum."""
    return module.loss(*tensors(scores, labels, weights)).sum().item()


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores, and autograd's own of the plain formula."""
    z, y, w = tensors(scores, labels, weights)
    z.requires_grad_()
    losses = module.loss(z, y, w), plain(module, z, y, w)
    return [torch.autograd.grad(loss.sum(), z)[0].tolist() for loss in losses]


def plain(module, z, y, w):
    """The loss from the same sums, without the derived gradient."""
    arrays = module.prepared(z, y, w, None)
    totals = module.relaxed_counts(*arrays)
    values = module.objective(*totals)
    return module.averaged(values, totals, arrays[2]) if hasattr(module, "averaged") else values


def tensors(scores, labels, weights):
    """Tensors in float64, class indices in int64."""
    z, w = (torch.tensor(numbers, dtype=torch.float64) for numbers in (scores, weights))
    return z, torch.tensor(labels), w


def trainer(module, width, rate):
    """A function that trains a linear classifier with Adam on a loss, or on cross-entropy without one."""
    loss = binary_cross_entropy_with_logits if module is None else module.loss

    def train(features, labels, steps):
        x, y = (torch.tensor(array, dtype=torch.float32) for array in (features, labels))
        weights = torch.zeros(width, requires_grad=True)
        optimizer = torch.optim.Adam([weights], lr=rate)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(x @ weights, y).backward()
            optimizer.step()
        return weights.detach().numpy()

    return train
