"""How far an accumulator has come: the blocks it has seen, in one pass over them or in two.

What is compared within a sample, over the transformations, needs rows: blocks (n, T, ...) complete in T.
What is compared over the samples, under one transformation, needs columns: blocks (n, J, ...) of some
transformations, of all samples before the next transformations come. One pass (`update`) does both at once
and keeps state for all T transformations; two passes keep it for J of them at a time.
"""

from equivariance.measures.stateful import Stateful


class Passes(Stateful):
    """The shape of the blocks, and how many samples were seen in each pass.

    `layer` is the shape of a layer's activations, None before the first block; `transformations` is T, 0
    while it is not known, and T is at least `least`. Columns of the members `start` to `stop` are open, none
    where both are the same; those before `start` are folded, each of `folded` samples.
    """

    STATE = ("layer", "transformations", "samples", "rows", "columns", "start", "stop", "folded")

    def __init__(self, transformations: int = 0, least: int = 1) -> None:
        self._least = least
        self.layer: tuple[int, ...] | None = None
        self.transformations = transformations
        self.samples = 0  # in one pass
        self.rows = 0  # by rows
        self.columns = 0  # under the open members
        self.start = self.stop = self.folded = 0

    @property
    def begun(self) -> bool:
        """Whether any sample was taken in."""
        return bool(self.samples or self.rows or self.columns or self.folded)

    @property
    def count(self) -> int:
        """How many samples were taken in, in each pass."""
        return self.samples or self.rows or self.folded or self.columns

    def check(self, shape: tuple[int, ...], members: range | None = None) -> None:
        """Raise ValueError for a block that does not fit to those before, or to its members."""
        if len(shape) < 2 or not shape[1]:
            raise ValueError(f"a block {shape}; expected: (n, T, ...) with T from 1")
        given, layer = shape[1], shape[2:]
        count = self.transformations or max(given, self._least) if members is None else len(members)
        if given != count or layer != (layer if self.layer is None else self.layer):
            raise ValueError(f"a block {shape}; expected: {('n', count, *(self.layer or layer))}")

    def take(self, shape: tuple[int, ...]) -> None:
        """Count a block (n, T, ...) of the one pass. Raises ValueError where it does not fit."""
        self.check(shape)
        if self.rows or self.columns or self.folded:
            raise ValueError("update after update_rows or update_columns")
        self._know(shape)
        self.samples += shape[0]

    def take_rows(self, shape: tuple[int, ...]) -> None:
        """Count a block (n, T, ...) of the row pass. Raises ValueError where it does not fit."""
        self.check(shape)
        if self.samples:
            raise ValueError("update_rows after update")
        if shape[1] < self.stop:
            raise ValueError(f"{shape[1]} transformations in a row, and {self.stop} in columns")
        self._know(shape)
        self.rows += shape[0]

    def take_columns(self, shape: tuple[int, ...], members: range) -> None:
        """Count a block (n, J, ...) of the column pass, of consecutive members in order from 0.

        Raises ValueError where it does not fit.
        """
        self.check(shape, members)
        if self.samples:
            raise ValueError("update_columns after update")
        if self.start < self.stop and (members.start, members.stop) != (self.start, self.stop):
            raise ValueError(f"columns of {members}, while those of {range(self.start, self.stop)} are open")
        last = self.transformations or members.stop
        if members.step != 1 or members.start != self.start or members.stop > last:
            raise ValueError(f"columns of {members}; expected: members from {self.start}, of {last}")
        self.layer = shape[2:]
        self.stop = members.stop
        self.columns += shape[0]

    def fold(self) -> None:
        """Close the open members. Raises ValueError where none is open, or samples are missing."""
        if self.start == self.stop:
            raise ValueError("no columns are open")
        if self.start and self.columns != self.folded:
            raise ValueError(f"{self.columns} samples in these columns, and {self.folded} in those before")
        self.start, self.folded, self.columns = self.stop, self.columns, 0

    def check_complete(self, *, needs_rows: bool, needs_columns: bool) -> None:
        """Raise ValueError where values cannot be computed yet."""
        if not self.begun:
            raise ValueError("no samples were taken in")
        if self.samples:
            return
        if self.start < self.stop:
            raise ValueError(f"columns of {range(self.start, self.stop)} are still open")
        if needs_rows and not self.rows:
            raise ValueError("no rows were taken in")
        if needs_columns and self.start < max(self.transformations, 1):
            raise ValueError(f"columns from {self.start} on are missing, of {self.transformations or 'all'}")
        if needs_rows and needs_columns and self.rows != self.folded:
            raise ValueError(f"{self.rows} samples in rows and {self.folded} in columns")

    def check_mergeable(self, other: "Passes") -> None:
        """Raise ValueError where what another has seen is not of the same pass, or of other shapes."""
        if self.layer != other.layer or 0 < self.transformations != other.transformations > 0:
            mine, theirs = ((x.transformations, *(x.layer or ())) for x in (self, other))
            raise ValueError(f"activations of shapes {mine} and {theirs} cannot be merged")
        if self.start or other.start:
            raise ValueError("columns that are folded cannot be merged: they stand for all samples")
        mine, theirs = ((bool(x.samples), bool(x.rows), x.stop) for x in (self, other))
        if mine != theirs:
            raise ValueError("one pass, rows and columns cannot be merged with each other")

    def merge(self, other: "Passes") -> None:
        """Count what another has seen; what is merged with nothing is that itself."""
        if not self.begun:
            self.restore(other.state())
            return
        self.transformations = self.transformations or other.transformations
        self.samples += other.samples
        self.rows += other.rows
        self.columns += other.columns

    def _know(self, shape: tuple[int, ...]) -> None:
        self.transformations, self.layer = shape[1], shape[2:]
