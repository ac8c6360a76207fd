"""State that can be saved and restored."""

from typing import Any, ClassVar


class Stateful:
    """An object whose state can be saved and restored."""

    STATE: ClassVar[tuple[str, ...]]
    """Names of the attributes that are its whole state: tensors, numbers, tuples, or others of this class."""

    def state(self) -> dict[str, Any]:
        """Return all of the state, as tensors and plain values that torch.save and torch.load take."""
        values = {name: getattr(self, name) for name in self.STATE}
        return {name: x.state() if isinstance(x, Stateful) else x for name, x in values.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Load a state that `state()` returned."""
        for name in self.STATE:
            mine = getattr(self, name)
            if isinstance(mine, Stateful):
                mine.restore(state[name])
            else:
                setattr(self, name, state[name])
