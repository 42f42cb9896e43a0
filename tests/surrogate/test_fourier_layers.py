"""Fourier convolutions, resampling and the fused pointwise networks against plain FFTs and plain autograd."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spectremor.surrogate import feedforward, spectral
from spectremor.surrogate.feedforward import FeedForward, feed_forward
from spectremor.surrogate.fourier_layer import FourierLayer
from spectremor.surrogate.gated import GatedFourierLayer
from spectremor.surrogate.published import PublishedConfig, PublishedMifno
from spectremor.surrogate.resample import kept_bins, resample_last_axis, resample_volume
from spectremor.surrogate.spectral import FactorisedConvolution, dft_matrices


def by_fft(x, weights, length):
    """The factorised convolution as its definition reads."""
    shape = (*x.shape[1:3], length)
    total = x.new_zeros(len(x), *shape, weights[0].shape[-1])
    for axis, weight in enumerate(weights):
        f = torch.fft.rfft(x, dim=axis + 1, norm="ortho").movedim(axis + 1, 3)
        new = shape[axis]
        m = min(len(weight), f.shape[3], new // 2 + 1)
        mixed = torch.einsum("bpqkc,kcd->bpqkd", f[..., :m, :], torch.complex(weight[:m, 0], weight[:m, 1]))
        y = torch.fft.irfft(torch.nn.functional.pad(mixed, (0, 0, 0, new // 2 + 1 - m)), n=new, dim=3, norm="ortho")
        y = y.movedim(3, axis + 1)
        common = min(y.shape[3], length)
        total[:, :, :, :common] += y[:, :, :, :common]
    return total


@pytest.fixture(params=["one by one", "together"])
def samples(request, monkeypatch):
    """Samples as a processor takes them, and as a GPU does."""
    if request.param == "together":
        monkeypatch.setattr(spectral, "_together", lambda x, length: x.shape[3] == length)
    return request.param


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize("length", [6, 9, 4])
@pytest.mark.parametrize("modes", [(2, 3, 2), (9, 9, 9)])
def test_convolution_is_its_definition(length, modes):
    torch.manual_seed(0)
    layer = FactorisedConvolution(3, 2, modes).double()
    x = torch.randn(2, 4, 5, 6, 3, dtype=torch.double)
    torch.testing.assert_close(layer(x, length), by_fft(x, list(layer.weights), length))


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize("length", [6, 9, 4])
@pytest.mark.parametrize("law", ["lowpass", "band_limited"])
def test_layer_and_its_hand_written_gradients(length, law):
    torch.manual_seed(0)
    layer = FourierLayer(3, (2, 3, 2), law=law).double()
    for p in layer.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(2, 4, 5, 6, 3, dtype=torch.double, requires_grad=True)

    def plain(x):
        ff = layer.feed_forward
        hidden = (by_fft(x, list(layer.convolution.weights), length) @ ff.weight1 + ff.bias1).relu()
        return hidden @ ff.weight2 + ff.bias2 + resample_last_axis(layer.skip(x), length, law)

    inputs = (x, *layer.parameters())
    torch.testing.assert_close(layer(x, length), plain(x))
    found = torch.autograd.grad(layer(x, length).square().sum(), inputs)
    wanted = torch.autograd.grad(plain(x).square().sum(), inputs)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_gated_gradients_and_linearity():
    torch.manual_seed(0)
    layer = GatedFourierLayer(3, 2, (2, 2, 3), expansion=2).double()
    waves = torch.randn(2, 4, 3, 6, 3, dtype=torch.double, requires_grad=True)
    context = torch.randn(2, 4, 3, 6, 2, dtype=torch.double, requires_grad=True)
    inputs = (waves, context, *layer.parameters())
    found = torch.autograd.grad(layer(waves, context).square().sum(), inputs)

    def plain(waves, context):
        hidden = (context @ layer.gate + layer.gate_bias).relu() * (layer.convolution(waves) @ layer.weight1)
        return layer.skip(waves) + hidden @ layer.weight2

    wanted = torch.autograd.grad(plain(waves, context).square().sum(), inputs)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(layer(-2.5 * waves, context), -2.5 * layer(waves, context))


@pytest.mark.parametrize("rows", [1, feedforward.BLOCK, feedforward.BLOCK + 3])
def test_feed_forward_in_blocks(rows):
    torch.manual_seed(0)
    net = FeedForward(3, 12, 2).double()
    torch.nn.init.normal_(net.bias1)
    x, base = torch.randn(rows, 3, dtype=torch.double), torch.randn(rows, 2, dtype=torch.double)
    plain = (x @ net.weight1 + net.bias1).relu() @ net.weight2 + net.bias2
    torch.testing.assert_close(net(x), plain)
    added = feed_forward(x, net.weight1, net.bias1, net.weight2, net.bias2, base.clone())
    torch.testing.assert_close(added, plain + base)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("length", [6, 9])
def test_layers_on_a_gpu(length):
    torch.manual_seed(0)
    layer, gate = FourierLayer(4, (2, 3, 2), law="band_limited"), GatedFourierLayer(4, 4, (2, 2, 3), expansion=2)
    x = torch.randn(3, 4, 5, 6, 4)

    def of(device):
        here = [layer.to(device), gate.to(device)]
        y = here[0](x.to(device), length)
        loss = here[1](y, y.detach()).square().sum()
        return [t.cpu() for t in (loss, *torch.autograd.grad(loss, [p for m in here for p in m.parameters()]))]

    for a, b in zip(of("cuda"), of("cpu"), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_dft_matrices_invert_each_other():
    f, g = dft_matrices(10, 10, 6, torch.float64)
    torch.testing.assert_close(g @ f, torch.eye(10, dtype=torch.float64))


def test_resampling_to_the_same_size():
    x = torch.randn(2, 4, 6, 32, 3, dtype=torch.double)
    assert torch.equal(resample_last_axis(x, 32, "band_limited"), x)
    # The published skip is a low-pass even then: 8 of 17 bins at 32 points.
    assert kept_bins(32, 32, "lowpass") == 8
    spectrum = torch.fft.rfft(resample_last_axis(x, 32, "lowpass"), dim=3)
    wanted = torch.fft.rfft(x, dim=3)
    wanted[:, :, :, 8:] = 0
    torch.testing.assert_close(spectrum, wanted)


def test_band_limited_resampling_keeps_the_function():
    def wave(n):
        t = torch.arange(n, dtype=torch.double) / n
        return (torch.cos(6 * torch.pi * t + 0.3) + 0.5)[None, :, None]

    torch.testing.assert_close(resample_last_axis(wave(10), 37, "band_limited"), wave(37))


@pytest.mark.parametrize("size", [(8, 6, 12), (4, 6, 10), (8, 8, 7)])
def test_published_resampling_of_volumes(size):
    torch.manual_seed(0)
    n = (8, 6, 10)
    x = torch.randn(1, *n, 2, dtype=torch.double)
    k = [min(a, b) // 2 for a, b in zip(n[:2], size[:2], strict=True)]
    kz = min((n[2] // 2 + 1) // 2, size[2] // 2)
    f = torch.fft.rfftn(x, dim=(1, 2, 3), norm="forward")
    kept = torch.zeros(1, size[0], size[1], size[2] // 2 + 1, 2, dtype=f.dtype)
    for i in (slice(0, k[0]), slice(-k[0], None)):
        for j in (slice(0, k[1]), slice(-k[1], None)):
            kept[:, i, j, :kz] = f[:, i, j, :kz]
    wanted = torch.fft.irfftn(kept, s=size, dim=(1, 2, 3), norm="forward")
    torch.testing.assert_close(resample_volume(x, size), wanted)


def test_operations_at_paper_size():
    """85 GFLOP by the published way; fewer where heads collapse and the last skip is left out."""
    with torch.device("meta"):
        model = PublishedMifno(PublishedConfig.paper(16))
        geology, source = torch.zeros(1, 32, 32, 32, 1), torch.zeros(1, 1, 9)
    # 3.40 M in the published count, which has two linears per head, weight norms and the last layer's unread skip.
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(3.40e6, rel=0.02)

    def product(_added, a, b, **_):
        return 2 * a.numel() * b[-1]

    in_place = {torch.ops.aten.addmm_: product, torch.ops.aten.baddbmm_: product}
    with FlopCounterMode(display=False, custom_mapping=in_place) as counter, torch.inference_mode():
        model(geology, source)
    assert 70e9 < counter.get_total_flops() < 85e9
