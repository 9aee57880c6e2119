"""TARGET on the command line: a System by its module or file, found, imported and built."""

from __future__ import annotations

import difflib
import importlib.util
import sys
import traceback
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from types import ModuleType

from weft.cli import texts
from weft.cli.exits import WrongUse, wrong_use
from weft.errors import SettingInvalid, WeftError
from weft.host.settings import unknown_name
from weft.model.system import System


def load_system(target: str) -> System:
    """Import what a target names and return its System.

    Args:
        target: `package.module:name` or `path/file.py:name`; the name may be left out where there is only one System.

    Raises:
        WrongUse: There is no such module, or no System in it.
        SettingInvalid: The module cannot be imported.
        DeclarationInvalid: The System is declared wrongly.
    """
    place, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    module = _import(place, target)
    systems = {key: value for key, value in vars(module).items() if isinstance(value, System)}
    if name:
        found = vars(module).get(name)
        if isinstance(found, System):
            return found
        if found is not None:
            what = texts.NO_SYSTEM_BUT.format(name=name, place=place, kind=type(found).__name__)
            raise WrongUse(what, where=target, remedy=_systems(systems))
        raise wrong_use(unknown_name("System", name, systems, where=place))
    distinct = {id(each): key for key, each in systems.items()}
    if len(distinct) != 1:
        text = texts.NO_SYSTEM if not systems else texts.MANY_SYSTEMS
        raise WrongUse(text.format(place=place), where=target, remedy=_systems(systems))
    return next(iter(systems.values()))


def _systems(systems: dict[str, System]) -> str:
    return texts.NAME_SYSTEM.format(names=", ".join(sorted(systems))) if systems else texts.DECLARE_SYSTEM


def _import(place: str, target: str) -> ModuleType:
    if not place:
        raise WrongUse(texts.NO_MODULE_NAMED, where=target, remedy=texts.WRITE_TARGET)
    is_file = place.endswith(".py") or "/" in place
    try:
        with redirect_stdout(sys.stderr):  # what a module prints while it is imported is no data of ours
            return _import_file(Path(place), target) if is_file else _import_module(place)
    except WeftError:
        raise
    except ModuleNotFoundError as error:
        if not is_file and error.name is not None and f"{place}.".startswith(f"{error.name}."):
            what = texts.NO_MODULE.format(name=error.name)
            raise WrongUse(what, where=target, remedy=_nearest(place)) from error
        raise _broken(error, target) from error
    except (Exception, SystemExit) as error:
        # A border: a module is the user's code, and may raise anything while it is imported.
        raise _broken(error, target) from error


def _import_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return import_module(name)


def _import_file(path: Path, target: str) -> ModuleType:
    """Import a file: as part of its package where it lies in one, so that its relative imports work."""
    path = path.resolve()
    if not path.is_file():
        raise WrongUse(texts.NO_FILE.format(path=path), where=target, remedy=_nearest(str(path)))
    folder, name = path.parent, "" if path.stem == "__init__" else path.stem
    while (folder / "__init__.py").exists():
        folder, name = folder.parent, f"{folder.name}.{name}".strip(".")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if "." in name or folder != path.parent:
        return import_module(name)
    return _load_alone(path, name)


def _load_alone(path: Path, name: str) -> ModuleType:
    """Load a file under its own name, unless another module has it already."""
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    name = name if known is None and name not in sys.stdlib_module_names else f"weft_target_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file whose name ends in .py can be loaded"
    assert spec.loader is not None, "as above"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and annotations look for it
    spec.loader.exec_module(module)
    return module


def _broken(error: BaseException, target: str) -> SettingInvalid:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "importlib" not in each.filename]
    frames = [each for each in frames if each.filename != __file__]
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else target
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    what = texts.IMPORT_FAILED.format(target=target, kind=type(error).__name__, text=error)
    return SettingInvalid(what, where=where, remedy=texts.IMPORT_REMEDY)


def _nearest(place: str) -> str:
    """Suggest the file or module of this folder whose name comes nearest."""
    near = [str(path) for path in Path().glob("*.py")]
    near += [path.parent.name for path in Path().glob("*/__init__.py")]
    name = Path(place).name if "/" in place or place.endswith(".py") else place
    found = difflib.get_close_matches(name, near, n=1, cutoff=0.4)
    return texts.DID_YOU_MEAN.format(name=found[0]) if found else texts.WRITE_TARGET
