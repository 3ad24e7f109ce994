from .allocation.certificate import Allocation as Allocation
from .allocation.certificate import lower_bound as lower_bound
from .allocation.problem import AllocationProblem as AllocationProblem
from .errors import AllocationError as AllocationError
from .errors import IsalError as IsalError
from .errors import NetworkError as NetworkError
from .errors import UnobservableError as UnobservableError
from .model.information import Information as Information
from .model.information import Spebs as Spebs
from .model.information import information as information
from .model.information import spebs as spebs
from .model.network import Network as Network
from .model.radio import Radio as Radio
from .schemes.best_split import BestSplit as BestSplit
from .schemes.best_split import best_split as best_split
from .schemes.integrated import integrated as integrated
from .schemes.schedule import ScheduleResult as ScheduleResult
from .schemes.schedule import SlotResult as SlotResult
from .schemes.schedule import UncertifiedWarning as UncertifiedWarning
from .schemes.step_by_step import step_by_step as step_by_step
from .study.store.storage import open_study as open_study

__version__: str
