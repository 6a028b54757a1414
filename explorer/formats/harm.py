"""Names in a pickle that have no business in a checkpoint: what a file made to do harm asks Python to call.

Nothing of a file is ever called; this list only lets a message say what was wanted. It need not be whole.
"""

from __future__ import annotations

from collections.abc import Collection

_MODULES = """
    os posix nt subprocess sys socket shutil pty ctypes importlib imp runpy pkgutil zipimport webbrowser
    tempfile inspect
    pickle _pickle dill cloudpickle joblib marshal code codeop bdb pdb timeit cProfile profile trace doctest
    unittest multiprocessing asyncio urllib http requests ftplib smtplib xmlrpc pip distutils setuptools idlelib lib2to3
"""
_NAMES = """
    builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr builtins.delattr
    builtins.__import__ builtins.globals builtins.vars builtins.breakpoint builtins.input builtins.apply
    builtins.execfile builtins.file operator.attrgetter operator.methodcaller functools.reduce types.FunctionType
    types.CodeType torch.load torch.serialization.load torch.jit.load numpy.load
"""
MODULES = frozenset(_MODULES.split())
"""With all that is in them."""
NAMES = frozenset(_NAMES.split())
PREFIXES = ("torch.hub.", "torch.utils.cpp_extension.", "torch._inductor.", "numpy.testing.", "numpy.distutils.")


def harmful_name(module: str, name: str) -> str:
    """The full name of what only a file that wants something run has reason to name; "" for all else."""
    full = f"{'builtins' if module == '__builtin__' else module}.{name}"
    return full if full.split(".", maxsplit=1)[0] in MODULES or full in NAMES or full.startswith(PREFIXES) else ""


def wanted(names: Collection[str]) -> str:
    """How messages name them: "os.system", or "os.system and 3 more"."""
    first, *more = sorted(names)
    return first[:80] + (f" and {len(more)} more" if more else "")
