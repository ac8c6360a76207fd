"""Digests of code."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from equivariance.workflow.digest import code_digest

SCRIPT = '"""A script."""\nfrom package.stage import run\n\nrun(1)\n'
TREE = {
    "script.py": SCRIPT,
    "package/__init__.py": "",
    "package/stage.py": "import package.deep\n\ndef run(x):\n    return x + 1\n",
    "package/deep.py": "def late():\n    from package import later\n    return later\n",
    "package/later.py": "A = 1\n",
    "package/plugin.py": "from . import helper\nfrom .sub.leaf import X\n",
    "package/helper.py": "B = 1\n",
    "package/sub/__init__.py": "C = 1\n",
    "package/sub/leaf.py": "from ..base import X\n",
    "package/base.py": "X = 1\n",
    "package/unused.py": "D = 1\n",
}
NUMBER = iter(range(10**6))


def digest(tmp_path: Path, changed: Mapping[str, str] = MappingProxyType({}), *plugins: str) -> str:
    """Digest of the script of `TREE`, with other text in some of its files, in a folder of its own."""
    root = tmp_path / str(next(NUMBER))
    for name, text in {**TREE, **changed}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return code_digest(root / "script.py", *plugins)


def stage(body: str) -> str:
    return TREE["package/stage.py"].replace("return x + 1", body)


def test_it_is_short_and_does_not_depend_on_where_the_code_lies(tmp_path: Path) -> None:
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert len(digest(tmp_path)) == 16


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT.replace("A script", "Another text"),
        SCRIPT.replace('"""A script."""\n', ""),
        "# a comment\n" + SCRIPT + "# another\n",
        SCRIPT.replace("run(1)", "run(  1  ,\n)"),
        SCRIPT.replace("\n\n", "\n\n\n\n"),
    ],
    ids=["docstring", "no docstring", "comments", "layout", "blank lines"],
)
def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, text: str) -> None:
    assert digest(tmp_path, {"script.py": text}) == digest(tmp_path)


def test_docstrings_of_functions_and_classes_do_not_count(tmp_path: Path) -> None:
    plain = "class A:\n    x = 1\n    async def f(self):\n        return 1\n"
    documented = (
        'class A:\n    """A."""\n    x = 1\n    async def f(self):\n        """F."""\n        return 1\n'
    )
    assert digest(tmp_path, {"package/stage.py": plain}) == digest(tmp_path, {"package/stage.py": documented})


@pytest.mark.parametrize(
    ("plain", "changed"),
    [("return x + 1", "return x + 2"), ("return x + 1", "return 1 + x"), ("return x + 1", "return 'x'")],
)
def test_an_edit_of_code_counts(tmp_path: Path, plain: str, changed: str) -> None:
    assert digest(tmp_path, {"package/stage.py": stage(plain)}) != digest(
        tmp_path, {"package/stage.py": stage(changed)}
    )


def test_text_that_is_no_docstring_counts(tmp_path: Path) -> None:
    assert digest(tmp_path, {"package/later.py": "A = 'one'\n"}) != digest(
        tmp_path, {"package/later.py": "A = 'two'\n"}
    )


@pytest.mark.parametrize(
    "file", ["package/stage.py", "package/deep.py", "package/later.py", "package/__init__.py"]
)
def test_an_edit_anywhere_along_the_imports_counts(tmp_path: Path, file: str) -> None:
    assert digest(tmp_path, {file: TREE[file] + "\nNEW = 1\n"}) != digest(tmp_path)


@pytest.mark.parametrize("file", ["plugin", "helper", "sub/__init__", "sub/leaf", "base"])
def test_a_plugin_counts_with_all_that_it_imports(tmp_path: Path, file: str) -> None:
    name = f"package/{file}.py"
    edit = {name: TREE[name] + "\nNEW = 1\n"}
    assert digest(tmp_path, edit, "package.plugin") != digest(tmp_path, {}, "package.plugin")
    assert digest(tmp_path, edit) == digest(tmp_path)


def test_what_is_not_imported_does_not_count(tmp_path: Path) -> None:
    assert digest(tmp_path, {"package/unused.py": "D = 2\n"}) == digest(tmp_path)


def test_a_new_name_for_a_module_counts(tmp_path: Path) -> None:
    script = SCRIPT.replace("package.stage", "package.scene")
    renamed = {"script.py": script, "package/scene.py": TREE["package/stage.py"]}
    assert digest(tmp_path, renamed) != digest(tmp_path)


def test_a_circle_of_imports_has_a_digest(tmp_path: Path) -> None:
    assert digest(tmp_path, {"package/later.py": "import package.deep\nA = 1\n"}) != digest(tmp_path)


def test_a_plugin_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"package\.nothing"):
        digest(tmp_path, {}, "package.nothing")


class TestOfThisRepository:
    """What an edit of a module of the package makes stale."""

    @pytest.fixture
    def stale(self, root: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
        """Tell whether an edit of a module changes the digest of a script."""
        scripts = root / "workflow_scripts"

        def changed(script: str, module: str, *plugins: str) -> bool:
            copy = tmp_path / str(next(NUMBER))
            for file in [*scripts.glob("*.py"), *scripts.glob("equivariance/**/*.py")]:
                target = copy / file.relative_to(scripts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
            edited = copy / f"{module.replace('.', '/')}.py"
            assert edited.is_file()
            before = code_digest(scripts / f"{script}.py", *plugins)
            edited.write_text(edited.read_text() + "\nNEW = 1\n")
            return code_digest(copy / f"{script}.py", *plugins) != before

        return changed

    @pytest.mark.parametrize(
        ("script", "module"),
        [
            ("train_networks", "equivariance.training.loop"),
            ("train_networks", "equivariance.training.evaluation"),
            ("train_networks", "equivariance.transformations.warp"),
            ("train_networks", "equivariance.models.settings"),
            ("train_networks", "equivariance.sampling"),
            ("measure_networks", "equivariance.measures.sweep"),
            ("measure_networks", "equivariance.measures.moments"),
            ("measure_networks", "equivariance.transformations.warp"),
            ("make_tables", "equivariance.analysis.profiles"),
            ("collect_images", "equivariance.transformations.sets"),
        ],
    )
    def test_an_edit_of_a_module_that_a_script_runs_makes_its_results_stale(  # type: ignore[no-untyped-def]
        self, stale, script: str, module: str
    ) -> None:
        plugins = ["equivariance.measures.variance"] if script == "measure_networks" else []
        assert stale(script, module, *plugins)

    @pytest.mark.parametrize(
        ("script", "module"),
        [
            ("train_networks", "equivariance.figures.layer_profile"),
            ("train_networks", "equivariance.figures.__init__"),
            ("train_networks", "equivariance.measures.sweep"),
            ("train_networks", "equivariance.measures.__init__"),
            ("train_networks", "equivariance.analysis.profiles"),
            ("train_networks", "equivariance.workflow.config"),
            ("train_networks", "equivariance.workflow.plan"),
            ("train_networks", "equivariance.datasets.mnist"),
            ("measure_networks", "equivariance.training.loop"),
            ("measure_networks", "equivariance.training.__init__"),
            ("measure_networks", "equivariance.figures.layer_profile"),
            ("make_tables", "equivariance.training.loop"),
            ("make_tables", "equivariance.measures.sweep"),
            ("collect_images", "equivariance.training.loop"),
        ],
    )
    def test_an_edit_elsewhere_does_not(self, stale, script: str, module: str) -> None:  # type: ignore[no-untyped-def]
        assert not stale(script, module, "equivariance.models.simple_conv")

    def test_a_family_of_networks_counts_as_a_plugin_only(self, stale) -> None:  # type: ignore[no-untyped-def]
        family = "equivariance.models.simple_conv"
        assert stale("train_networks", family, family)
        assert not stale("train_networks", family)
