"""Arrays of other libraries, without importing them, and data sets that come out of pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lapwing._lapwing import Dataset

_CPU = (1, 3)  # of DLPack: memory of the processor, and memory that a graphics card can see there


def host(given: Any, name: str) -> Any:
    """What NumPy makes an array of: ``given`` itself, or a copy of an array that lies on a device
    or carries gradients.

    Arrays of NumPy, lists and whatever has ``__array__`` pass as they are. Arrays of PyTorch, CuPy,
    JAX and others are taken by what they offer: ``detach`` (gradients), ``resolve_conj``, ``cpu``,
    ``get``, then DLPack.
    """
    import numpy as np

    if isinstance(
        given, (np.ndarray, np.generic, list, tuple, int, float, complex)
    ) or not _is_foreign(given):
        return given
    try:
        return np.asarray(_on_host(given))
    except Exception as error:
        kind = f"{type(given).__module__}.{type(given).__qualname__}"
        raise ValueError(
            f"{name}: expected an array that NumPy can take, found {kind} ({error}); give a copy "
            "in the host's memory"
        ) from error


def _is_foreign(given: Any) -> bool:
    """Whether it is an array that NumPy may not take by itself."""
    return (
        hasattr(given, "__dlpack__")
        or hasattr(given, "__cuda_array_interface__")
        or hasattr(given, "requires_grad")
    )


def _on_host(given: Any) -> Any:
    """The same in the host's memory, as an array of NumPy or of the same library."""
    import numpy as np

    if callable(getattr(given, "detach", None)):
        given = given.detach()
    for step in ("resolve_conj", "resolve_neg", "cpu"):
        method = getattr(given, step, None)
        # JAX has none of these as methods.
        given = method() if callable(method) else given
    if hasattr(given, "__cuda_array_interface__") and callable(getattr(given, "get", None)):
        given = given.get()
    if hasattr(given, "__array__"):
        return np.asarray(given)
    device = given.__dlpack_device__() if hasattr(given, "__dlpack_device__") else (_CPU[0], 0)
    if int(device[0]) in _CPU:
        return np.from_dlpack(given)
    raise TypeError(f"its memory is that of device {device}")


def restore(state: dict[str, Any]) -> Dataset:
    """The data set that a pickle holds."""
    import io

    import numpy as np

    from lapwing import _lapwing

    packed = io.BytesIO()
    np.savez(packed, **state["extras"])
    return _lapwing.restore_dataset(
        {name: value for name, value in state.items() if name != "extras"}, packed.getvalue()
    )
