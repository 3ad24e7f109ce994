"""Energy and power allocation in integrated sensing and localization (ISAL) networks."""

from isal.allocation import Allocation, AllocationProblem, lower_bound
from isal.errors import AllocationError, IsalError, NetworkError, UnobservableError
from isal.fisher import Information, Spebs, information, spebs
from isal.network import Network
from isal.radio import Radio
from isal.schemes import ScheduleResult, SlotResult, UncertifiedWarning, integrated, step_by_step
from isal.splits import BestSplit, best_split

__version__ = "0.1.0"

__all__ = [
    "Allocation",
    "AllocationError",
    "AllocationProblem",
    "BestSplit",
    "Information",
    "IsalError",
    "Network",
    "NetworkError",
    "Radio",
    "ScheduleResult",
    "SlotResult",
    "Spebs",
    "UncertifiedWarning",
    "UnobservableError",
    "best_split",
    "information",
    "integrated",
    "lower_bound",
    "spebs",
    "step_by_step",
]
