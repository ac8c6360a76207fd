"""Published weights: which families need them, how they are had, and how they are put into a network."""

import hashlib
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import Inception_V3_Weights, inception_v3

import fetch_weights as script
from equivariance.datasets.downloads import RemoteFile
from equivariance.errors import UserError
from equivariance.models import FAMILIES, build
from equivariance.models.pretrained import load_pretrained, published_file
from equivariance.training.freezing import freeze_all_but, learning_layers, matching_layers

CONTENT = b"weights"
START = hashlib.sha256(CONTENT).hexdigest()[:8]
NAME = "torchvision/inception_v3_google-0cc3c7bd.pth"
FAMILY = "inception_transfer"


class Network(nn.Module):
    """A trunk and a head."""

    def __init__(self) -> None:
        super().__init__()
        layers = [("conv", nn.Conv2d(1, 2, 3)), ("bn", nn.BatchNorm2d(2))]
        self.inception = nn.Sequential(OrderedDict(layers))
        self.fc1 = nn.Linear(2, 3)


def published(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    """Weights for the trunk of `Network`, and those of a classifier of its own."""
    torch.manual_seed(0)
    state = {
        name: torch.rand_like(tensor)
        for name, tensor in Network().inception.state_dict().items()
        if tensor.is_floating_point()
    }
    return {**state, "fc.weight": torch.rand(3, 2), **changes}


@pytest.fixture(params=[True, False], ids=["zip", "old format"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.save(published(), tmp_path / "a.pth", _use_new_zipfile_serialization=request.param)
    return tmp_path / "a.pth"


def test_the_families_that_need_weights_are_known() -> None:
    assert [name for name, family in FAMILIES.items() if family.published] == [FAMILY]


def test_it_is_known_without_torch() -> None:
    code = (
        "import sys; from equivariance.models.settings import FAMILIES; FAMILIES['simple_conv'].published;"
        "assert not {'torch', 'torchvision', 'numpy', 'requests', 'pooch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_the_file_is_the_one_that_torchvision_loads() -> None:
    file = published_file(FAMILY)
    assert file.urls == (Inception_V3_Weights.IMAGENET1K_V1.url,)
    assert file.urls[0].rsplit("/", 1)[1] == Path(file.name).name
    assert file.sha256 is not None and Path(file.name).stem.endswith(f"-{file.sha256}")
    assert file.name == NAME


def test_the_weights_of_the_trunk_are_put_in_and_the_head_stays(saved: Path) -> None:
    model = Network()
    head = model.fc1.weight.detach().clone()
    load_pretrained(model, FAMILY, saved)
    for name, tensor in model.inception.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, published()[name])
    assert torch.equal(model.fc1.weight, head)


def test_a_file_of_torchvision_fits_the_real_network() -> None:
    with torch.device("meta"):
        model = build("inception_transfer", (3, 32, 32), 5, {"head": "linear"})
        state = inception_v3(weights=None, init_weights=False).state_dict()
    counters = [name for name in state if name.endswith("num_batches_tracked")]
    ours = model.get_submodule("inception").state_dict()
    names = {name for name in state if not name.startswith(("AuxLogits.", "fc."))}
    assert names == set(ours) and len(counters) > 90
    assert all(state[name].shape == tensor.shape for name, tensor in ours.items())


def test_the_head_alone_learns() -> None:
    weights = FAMILIES[FAMILY].published
    assert weights is not None
    for settings, head in (({"head": "linear"}, ["fc1"]), ({"head": "network", "hidden": 4}, ["fc1", "fc2"])):
        with torch.device("meta"):
            model = build("inception_transfer", (3, 32, 32), 5, settings)
        assert matching_layers(model, weights.head) == head
        assert len(learning_layers(model)) > 180
        freeze_all_but(model, weights.head)
        learned = {name.rsplit(".", 1)[0] for name, one in model.named_parameters() if one.requires_grad}
        assert learned == set(head)


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    state = published(**{"bn.weight": torch.rand(7)})
    del state["conv.bias"]
    torch.save(state, tmp_path / "a.pth")
    model = Network()
    before = model.inception.conv.weight.detach().clone()
    with pytest.raises(
        UserError,
        match=r"a\.pth does not hold .*: it lacks conv\.bias; these have another shape: bn\.weight$",
    ):
        load_pretrained(model, FAMILY, tmp_path / "a.pth")
    assert torch.equal(model.inception.conv.weight, before)


def test_not_all_names_are_listed_where_many_are_missing(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.rand(2)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"it lacks conv\.weight, .*, bn\.running_mean and 1 more$"):
        load_pretrained(Network(), FAMILY, tmp_path / "a.pth")


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "code", "list"])
def test_a_file_that_holds_no_weights_is_said(saved: Path, kind: str) -> None:
    content = saved.read_bytes()
    if kind == "code":
        torch.save(subprocess.run, saved)  # what runs when it is read is refused
    elif kind == "list":
        torch.save([torch.rand(2)], saved)
    else:
        saved.write_bytes(
            {"text": b"no weights", "truncated": content[: len(content) // 3], "empty": b""}[kind]
        )
    message = "holds a list, not weights" if kind == "list" else "is damaged or holds no weights"
    with pytest.raises(UserError, match=message):
        load_pretrained(Network(), FAMILY, saved)


@pytest.fixture
def _small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another content behind the name, and no network."""
    monkeypatch.setattr(script, "published_file", lambda family: RemoteFile(NAME, sha256=START))


@pytest.mark.usefixtures("_small_file")
def test_the_script_copies_the_file_of_the_mirror(tmp_path: Path) -> None:
    (tmp_path / "mirror" / NAME).parent.mkdir(parents=True)
    (tmp_path / "mirror" / NAME).write_bytes(CONTENT)
    output = tmp_path / "weights" / "inception_transfer.pth"
    script.fetch_weights("inception_transfer", str(tmp_path / "mirror"), tmp_path / "cache", output)
    assert output.read_bytes() == CONTENT
    made = sorted(path.name for path in output.parent.iterdir())
    assert made == [output.name, f"{output.name}.sha256"]


@pytest.mark.usefixtures("_small_file")
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no URL is known"), (b"other", f"has the wrong sha256 .*; expected: {START}"), (b"", "is empty")],
)
def test_where_the_file_cannot_be_had_the_way_without_it_is_said(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / NAME).parent.mkdir(parents=True)
        (tmp_path / NAME).write_bytes(content)
    output = tmp_path / "weights" / "inception_transfer.pth"
    with pytest.raises(
        UserError, match=f"(?s){said}.*`pretrained: false`.*leaves out exactly the experiments"
    ):
        script.fetch_weights("inception_transfer", str(tmp_path), tmp_path / "cache", output)
    assert not output.exists()
