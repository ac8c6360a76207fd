"""Inspect a network before it is measured: which of its modules are layers, and how they are laid out.

A layer is a module that returns one row for each image. By default those count that compute by themselves:
modules without children, and modules in which no other layer ran, such as attention, which uses the weights
of its children without calling them. What is not a layer is left out, with a reason.
"""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from equivariance.errors import UserError, unknown
from equivariance.measures import outputs
from equivariance.measures.axis_tracker import AxisTracker
from equivariance.measures.layout import Layout, by_axes, by_convention, by_shape
from equivariance.measures.precision import needs_float64
from equivariance.measures.recorder import children, named, other_names, watched
from equivariance.measures.reproducibility import (
    Values,
    is_close,
    probe_batch,
    sample_of,
    unmeasurable,
    values_of,
)
from equivariance.models.layers import kind_of

Run = Callable[[Tensor, AxisTracker | None], None]
"""A pass of the network over inputs (N, C, H, W), which tells a tracker what tensor the images are."""


@dataclass(frozen=True)
class Place:
    """A layer: its kind, its place in the order of execution, its depth from 0 (first) to 1 (last), and the
    shape of its activations for one image, laid out as feature maps (C, H, W) or units.

    `module` is its name, `layout` how its activations are brought to that shape, `itemsize` the bytes of one
    of them, `wide` whether their scale needs sums of float64, and `output` which of several outputs counts.
    """

    kind: str
    index: int
    depth: float
    shape: tuple[int, ...]
    module: str
    layout: Layout
    itemsize: int = 4
    wide: bool = False
    output: outputs.Choice | tuple[outputs.Step, ...] = ()

    @property
    def units(self) -> int:
        """How many values a measure has of the layer: of its feature maps, or of its numbers where it has
        none."""
        return self.shape[0] if len(self.shape) == 3 else math.prod(self.shape)

    def activation(self, call: str, output: Any, images: int) -> Tensor:
        """Take the layer's activations from its output, as (images, *shape).

        Raises UserError where they have another shape than when the network was inspected.
        """
        found = _followed(self.output, output, call)
        expected = self.layout.expected(images)
        if found is None or tuple(found.shape) != expected:
            now = type(output).__name__ if found is None else tuple(found.shape)
            raise UserError(
                f"layer {call!r} returned {expected} for {images} images at first, and {now} now; exclude it"
            )
        return self.layout.arrange(found.detach())


@dataclass(frozen=True)
class Survey:
    """What an inspection found: layers by the name of their call, in the order of execution."""

    places: Mapping[str, Place]
    defaults: tuple[str, ...]  # calls that are measured where nothing else is asked for
    left_out: Mapping[str, str]  # calls and modules that would be, and why they are not
    reasons: Mapping[str, str]  # the same of all modules that are no layer
    taken: Mapping[str, str]  # of layers with several outputs, the one that counts
    uncalled: frozenset[str]  # modules among them that did not run
    others: Mapping[str, str]  # further names of modules, and those in `named`
    faults: Mapping[str, str]  # calls whose values cannot be measured, and why
    fixed_batch: int | None = None  # inputs that a pass must have, None for any number


class FixedBatch(Exception):
    """A network that runs with any number of inputs, but makes always the same number of rows of them."""


@dataclass
class _Node:
    """One call of a module, with the calls within it."""

    module: str
    call: str = ""
    layout: Layout | None = None
    reason: str = ""  # why it is no layer
    itemsize: int = 4
    wide: bool = False
    output: outputs.Choice | tuple[outputs.Step, ...] = ()
    sample: Tensor | None = None
    inner: list["_Node"] = field(default_factory=list)


class Surveyor:
    """Inspects a network; `maps` and `choices` are what the user says about layers, by name or pattern.

    Raises UserError for names and patterns without a layer.
    """

    def __init__(
        self,
        model: nn.Module,
        run: Run,
        maps: Mapping[str, str],
        choices: Mapping[str, outputs.Choice],
    ) -> None:
        self._model = model
        self._run = run
        self._modules = named(model)
        self._before: dict[str, list[Values]] = {}  # of each call in the small pass
        self.seconds_per_input = 0.0  # that the last pass took
        self._maps = self._by_name("maps", maps)
        self._choices = self._by_name("outputs", choices)

    def _by_name(self, option: str, given: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pattern, value in given.items():
            module, _, call = pattern.rpartition(":")
            is_call = call.isdecimal() and module.rstrip(":") in self._modules
            names = [pattern] if is_call else matching(pattern, self._modules)
            if not names:
                raise UserError(f"{option}: {unknown('layer', pattern, self._modules)}")
            found |= dict.fromkeys(names, value)
        return found

    def try_out(self, inputs: Tensor) -> int:
        """Run a small pass, which `inspect` repeats; give the bytes of the largest output for one input."""
        sizes = [0]
        self._before.clear()

        def called(call: str, module: str, output: Any) -> None:
            found = [tensor for _, tensor in outputs.tensors(output) if not unmeasurable(tensor)]
            sizes.append(sum(tensor.nbytes for tensor in found))
            self._before[call] = values_of(found)

        with watched(self._model, self._modules, called):
            self._run(inputs.clone(), None)  # as a network may change it
        return max(sizes) // len(inputs)

    def inspect(self, inputs: Tensor, few: Tensor | None) -> Survey:
        """Look at the network with a whole batch of inputs, then with the `few` of `probe_batch` that it was
        tried out with; without any, the network takes no other number.

        Raises FixedBatch where that turns out only now.
        """
        again = probe_batch(inputs, len(inputs)) if few is None else few
        if few is None:
            self.try_out(again)
        top, nodes = self._calls(inputs)
        faults = self._faults(nodes, len(inputs), again)
        return self._summary(top, nodes, faults, None if few is not None else len(inputs))

    def _calls(self, inputs: Tensor) -> tuple[_Node, list[_Node]]:
        """Run a pass for which the meaning of axes is followed: its calls, as a tree and in order."""
        tracker = AxisTracker()
        top = _Node("")
        stack = [top]
        nodes: list[_Node] = []

        def called(call: str, module: str, output: Any) -> None:
            while len(stack) > 1:  # a call that ended in an error, which was caught, has no output
                node = stack.pop()
                if node.module == module:
                    node.call = call
                    self._see(node, output, tracker, (inputs.shape[-2], inputs.shape[-1]))
                    stack[-1].inner.append(node)
                    nodes.append(node)
                    return
                stack[-1].inner += node.inner

        def entered(module: str) -> None:
            stack.append(_Node(module))

        with watched(self._model, self._modules, called, entered), tracker:
            self._run(inputs.clone(), tracker)
        return top, nodes

    def _see(self, node: _Node, output: Any, tracker: AxisTracker, image_size: tuple[int, int]) -> None:
        """Find the activation among the outputs of a call, and its layout."""
        candidates: Iterable[tuple[Any, Tensor]] = outputs.tensors(output)
        if (choice := self._choices.get(node.call, self._choices.get(node.module))) is not None:
            candidates = [(choice, outputs.chosen(output, choice, node.call))]
        node.reason = f"returns a {type(output).__name__}, not a tensor"
        for number, (path, tensor) in enumerate(candidates):
            layout, reason = self._layout(node, tensor, tracker, image_size)
            if layout is not None:
                node.layout, node.output, node.reason = layout, path, ""
                with tracker.paused():
                    rows = layout.arrange(tensor.detach())
                    node.itemsize, node.wide = tensor.element_size(), needs_float64(rows)
                    node.sample = sample_of(rows[-1])
                return
            if number == 0:
                node.reason = reason

    def _layout(
        self, node: _Node, tensor: Tensor, tracker: AxisTracker, image_size: tuple[int, int]
    ) -> tuple[Layout | None, str]:
        if reason := unmeasurable(tensor):
            return None, reason
        images, shape = tracker.images.length, tuple(tensor.shape)
        if not tensor.numel():
            return None, f"returns an empty tensor {shape}"
        if convention := self._maps.get(node.call, self._maps.get(node.module)):
            return by_convention(convention, shape, images, image_size, node.call), ""
        dims = tracker.dims(tensor)
        layout = by_shape(shape, images) if dims is None else by_axes(dims, tracker.images)
        return layout, f"returns {shape}, not one row for each of {images} images"

    def _faults(self, nodes: Sequence[_Node], seen: int, inputs: Tensor) -> dict[str, str]:
        """Repeat the small pass after that of `seen` inputs: calls that cannot be measured, and why.

        The first of the inputs is the last of those of the inspection.
        """
        expected = {node.call: node for node in nodes if node.layout is not None}
        faults: dict[str, str] = {}

        def called(call: str, module: str, output: Any) -> None:
            values = values_of(tensor for _, tensor in outputs.tensors(output))
            before = self._before.get(call, values)
            if [x.shape for x in before] != [x.shape for x in values]:
                shapes = " and ".join(
                    ", ".join(str(x.shape) for x in found) or "no tensor" for found in (before, values)
                )
                faults[call] = (
                    f"layer {call!r} returned {shapes} for the same {len(inputs)} images: its shape changes"
                )
            elif not all(map(Values.is_same, before, values)):
                faults[call] = (
                    f"layer {call!r} returns different values for the same images; a network with random "
                    "results cannot be measured"
                )
            node = expected.get(call)
            if node is None or node.layout is None or node.sample is None:
                return
            found = _followed(node.output, output, call)
            shape = () if found is None else tuple(found.shape)
            if found is not None and shape == node.layout.expected(len(inputs)):
                if not is_close(sample_of(node.layout.arrange(found.detach())[0]), node.sample):
                    faults.setdefault(
                        call,
                        f"the values of layer {call!r} for an image depend on the other images of its batch, "
                        "as with batch statistics; they cannot be measured",
                    )
                return
            whole, at = node.layout.expected(seen), node.layout.images_at
            if len(shape) == len(whole) and shape[at] * seen == whole[at] * len(inputs):
                faults[call] = (
                    f"layer {call!r} returned {whole} for {seen} images and {shape} for {len(inputs)}: "
                    "its shape changes"
                )
            elif shape[:1] == whole[:1] and math.prod(shape) * seen == math.prod(whole) * len(inputs):
                raise FixedBatch
            node.layout, node.reason = None, "has a shape that does not scale with the number of images"

        start = time.monotonic()
        with watched(self._model, self._modules, called):
            self._run(inputs.clone(), None)  # as a network may change it
        self.seconds_per_input = (time.monotonic() - start) / len(inputs)
        return faults

    def _summary(
        self, top: _Node, nodes: Sequence[_Node], faults: Mapping[str, str], fixed_batch: int | None
    ) -> Survey:
        defaults = {id(node) for node in _defaults(top) if kind_of(self._modules[node.module]) != "input"}
        last = max(len(defaults) - 1, 1)
        index = -1
        places: dict[str, Place] = {}
        taken: dict[str, str] = {}
        for node in nodes:
            index += id(node) in defaults
            if node.layout is None:
                continue
            places[node.call] = Place(
                kind=kind_of(self._modules[node.module]),
                index=max(index, 0),
                depth=max(index, 0) / last,
                shape=node.layout.shape,
                module=node.module,
                layout=node.layout,
                itemsize=node.itemsize,
                wide=node.wide,
                output=node.output,
            )
            if isinstance(node.output, tuple) and node.output:
                taken[node.call] = outputs.described(node.output)
        reasons = self._reasons(nodes, {node.module for node in nodes if id(node) in defaults})
        left_out = {
            name: reason
            for name, reason in reasons.items()
            if name not in self._modules or not children(self._modules[name])
        }
        return Survey(
            places=places,
            defaults=tuple(node.call for node in nodes if id(node) in defaults),
            left_out=left_out,
            uncalled=frozenset({*left_out} & {*self._modules} - {node.module for node in nodes}),
            reasons=reasons,
            taken=taken,
            others=other_names(self._model),
            faults=faults,
            fixed_batch=fixed_batch,
        )

    def _reasons(self, nodes: Sequence[_Node], measured: Collection[str]) -> dict[str, str]:
        """Why modules and calls are no layer."""
        reasons = {node.call: node.reason for node in nodes if node.layout is None}
        ran = {node.module for node in nodes}
        layers = {node.module for node in nodes if node.layout is not None}
        root = next(iter(self._modules))
        for name, module in self._modules.items():
            if name not in ran:
                parents = [name[:end] for end, letter in enumerate(name) if letter == "."][::-1]
                parents += [root] if root in measured else []
                whole = next((parent for parent in parents if parent in layers), None)
                can = "is" if whole in measured else "can be"
                within = f"; {whole!r}, which contains it, {can} measured" if whole else ""
                unseen = (
                    "runs in TorchScript" if isinstance(module, torch.jit.ScriptModule) else "was not called"
                )
                reasons[name] = f"{unseen}{within}"
        return reasons


def _defaults(node: _Node) -> list[_Node]:
    """The calls that count as layers by default: the innermost that give one row per image."""
    inner = [found for one in node.inner for found in _defaults(one)]
    if inner or node.layout is None:
        return inner
    return [node]


def _followed(how: "outputs.Choice | tuple[outputs.Step, ...]", output: Any, call: str) -> Tensor | None:
    return outputs.follow(output, how) if isinstance(how, tuple) else outputs.chosen(output, how, call)


def matching(pattern: str, names: Collection[str]) -> list[str]:
    """The names that a name or a pattern (`layer1.*`) stands for: itself, where it is one of them."""
    return [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]
