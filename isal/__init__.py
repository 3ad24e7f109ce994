"""Energy and power allocation in integrated sensing and localization (ISAL) networks.

The names of this package and their modules are listed in ``__init__.pyi``; a module is imported when its name is used.
"""

from pathlib import Path

import lazy_loader

if Path(__file__).with_name("igzip.py").exists():
    raise ImportError(
        "the package `isal` from the public index, a binding of a compression library, is installed in the same place: "
        "uninstall it (pip uninstall isal), then install isal-uwb anew, or keep them in two environments"
    )

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
