"""log p(x|z) in PyTorch, as vae/likelihoods has them: each a function of a decoder's outputs and the pixels."""

import math

import torch
import torch.nn.functional as F

LOG_2PI = math.log(2 * math.pi)
HALF_BIN = 1 / 255
LEAST_LOG_SCALE = -7.0


def bernoulli(y, x, config, shape):
    return -F.binary_cross_entropy_with_logits(y, x, reduction="none").sum(-1)


def normal(y, x, config, shape):
    if config["stddev"] == 1:
        return (-0.5 * ((x - y) ** 2 + LOG_2PI)).sum(-1)
    mean, log_stddev = y.chunk(2, -1)
    log_stddev = torch.log(torch.exp(log_stddev) + 1 / 256)
    return (-0.5 * (((x - torch.sigmoid(mean)) / log_stddev.exp()) ** 2 + LOG_2PI) - log_stddev).sum(-1)


def log_mass(u, mean, log_scale):
    """log P(u) for a byte at u in -1 ... 1 of a logistic: log [σ(a) - σ(b)] with a, b = (u - mean ± h) / scale."""
    inverse_scale = torch.exp(-log_scale.clamp(min=LEAST_LOG_SCALE))
    error = u - mean
    upper = F.logsigmoid((error + HALF_BIN) * inverse_scale)
    lower = F.logsigmoid((HALF_BIN - error) * inverse_scale)
    width = torch.log(-torch.expm1(-2 * HALF_BIN * inverse_scale))
    above_lowest, below_highest = u > HALF_BIN - 1, u < 1 - HALF_BIN
    return upper * below_highest + lower * above_lowest + width * (above_lowest & below_highest)


def signed(x, config):
    """From the range of the pixels to -1 ... 1."""
    return x if config["range"] == "symmetric" else 2 * x - 1


def discretised_logistic(y, x, config, shape):
    mean, log_scale = y.chunk(2, -1)
    return log_mass(signed(x, config), mean, log_scale).sum(-1)


def logistic_mixture(y, x, config, shape):
    """Outputs are K planes of logits, then K for each channel's mean, log scale and slopes on the channels before it."""
    leading, k, c, places = y.shape[:-1], config["mixtures"], shape[0], shape[1] * shape[2]
    pairs = [(channel, before) for channel in range(c) for before in range(channel)]
    planes = y.reshape(*leading, -1, k, places)
    logits, means, log_scales, slopes = planes.split([1, c, c, len(pairs)], -3)
    u = signed(x, config).reshape(*leading, c, 1, places)
    slopes = slopes.tanh()
    conditional = list(means.unbind(-3))
    for i, (channel, before) in enumerate(pairs):
        conditional[channel] = conditional[channel] + slopes[..., i, :, :] * u[..., before, :, :]
    log_masses = log_mass(u, torch.stack(conditional, -3), log_scales).sum(-3)
    if k > 1:
        log_masses = torch.logsumexp(F.log_softmax(logits.squeeze(-3), -2) + log_masses, -2, keepdim=True)
    return log_masses.sum((-2, -1))


LIKELIHOODS = {
    "bernoulli": bernoulli,
    "normal": normal,
    "discretised-logistic": discretised_logistic,
    "logistic-mixture": logistic_mixture,
}
