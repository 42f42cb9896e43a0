"""The source branch: nine numbers (position, moment tensor) grown into a volume (MIFNO, arXiv 2404.10115, fig. 1)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from spectremor.surrogate.resample import resample_volume


class SourceBranch(nn.Module):
    """An MLP makes a 2m x 2m map; 2D convolutions make it a cube; 3D convolutions give it channels.

    Args:
        numbers: length of the source vector.
        half_size: m; the cube has 2m points a side.
        width: channels of the volume.
    """

    def __init__(self, numbers: int, half_size: int, width: int) -> None:
        super().__init__()
        self.side = 2 * half_size
        self.mlp = nn.Sequential(nn.Linear(numbers, 128), nn.ReLU(), nn.Linear(128, self.side**2))
        self.plane = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, self.side, 3, padding=1))
        self.volume = nn.Sequential(
            nn.Conv3d(1, width // 2, 3, padding=1), nn.ReLU(), nn.Conv3d(width // 2, width, 3, padding=1)
        )
        self.mix = nn.Linear(width, width)

    def forward(self, source: Float[Tensor, "b numbers"], size: tuple[int, int, int]) -> Float[Tensor, "b x y z width"]:
        """The source volume on the geology's grid."""
        flat = self.mlp(source).view(-1, 1, self.side, self.side)
        # The 2D convolution's output channels become the first of the three axes.
        cube = self.volume(self.plane(flat).unsqueeze(1))
        return resample_volume(self.mix(cube.movedim(1, -1)), size)
