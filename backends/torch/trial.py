"""What `metricloss check` and `metricloss demo` do with a loss for PyTorch."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64."""
    return module.loss(*tensors(scores, labels, weights)).item()


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores, and autograd's own of the plain formula."""
    z, y, w = tensors(scores, labels, weights)
    z.requires_grad_()
    plain = module.objective(*module.sums(y, w, *module.relax(z)))
    return [torch.autograd.grad(loss, z)[0].tolist() for loss in (module.loss(z, y, w), plain)]


def tensors(*lists):
    return [torch.tensor(numbers, dtype=torch.float64) for numbers in lists]


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
