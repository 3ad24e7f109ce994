"""Energy and power allocation in integrated sensing and localization (ISAL) networks.

The names of this package and their modules are listed in ``__init__.pyi``; a module is imported when its name is used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
