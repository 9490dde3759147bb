"""The house: rooms on floors, imports that point downwards, no circles, and sizes that a reader can take in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import petfinder as pf
from petfinder.domain import errors

PACKAGE = Path(pf.__file__).parent
FLOORS = [
    ["__main__"],
    ["cli"],
    ["page", "alerts", "__init__"],  # __init__: the face, which hands out the names of every room below
    ["display", "training"],
    ["evaluation"],
    ["registry"],
    ["encoders", "stores", "tables", "photos", "matching"],
    ["domain"],
]
"""From the roof to the ground: a room may use those below it, and not its neighbours."""

FOLDERS_AT_ROOT, FILES_A_FOLDER, LINES_A_FILE, LINES_A_FUNCTION = 14, 20, 600, 50
LINES, LINES_OF_POCKET, LINES_OF_TESTS = 22_227, 3_570, 23_952
HEAVY = ("jinja2", "torch", "onnxruntime", "elasticsearch", "matplotlib", "pandas", "IPython", "sentence_transformers")
SEEN_BY_USERS = "Dog Cat Pet Owner Photo PetFilter BulkReport Match Matches Thresholds Verdict DogRepository DogService"
CONCRETE_ENCODERS = ("encoders.pocket", "encoders.sentence_transformers")
CONCRETE_STORES = ("stores.sqlite", "stores.elasticsearch")
NAMES_STORES, NAMES_ENCODERS = {"registry.connect"}, {"encoders.load"}  # the places that name concrete ones


def files() -> dict[str, Path]:
    """Every module of the package by its dotted name below `petfinder`; a folder's `__init__` has the folder's name."""
    names = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name if name == "__init__" else name.removesuffix(".__init__"): path for name, path in names.items()}


def imports_of(name: str, modules: dict[str, Path]) -> set[str]:
    """The modules that one module imports as the program runs, inside functions too; not what only types need."""
    found = set()
    for node in _running(ast.parse(modules[name].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "petfinder":
            home = (node.module or "").removeprefix("petfinder").removeprefix(".") or "__init__"
            for alias in node.names:
                found.add(f"{home}.{alias.name}" if f"{home}.{alias.name}" in modules else home)
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("petfinder.") for alias in node.names if "petfinder." in alias.name}
    return found - {name}


def _running(tree: ast.AST) -> list[ast.AST]:
    """Every node but those below `if TYPE_CHECKING`."""
    nodes = []
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            nodes += [child, *_running(child)]
    return nodes


def floor_of(module: str) -> int:
    """How far below the roof a module stands."""
    return next(floor for floor, rooms in enumerate(FLOORS) if module.split(".")[0] in rooms)


def test_every_room_has_its_floor() -> None:
    rooms = {name.split(".")[0] for name in files()}

    assert rooms == {room for floor in FLOORS for room in floor}
    assert len([room for room in rooms if (PACKAGE / room).is_dir()]) <= FOLDERS_AT_ROOT
    assert len(FLOORS) <= 8


def test_imports_point_downwards() -> None:
    modules = files()
    assert not [
        f"{name} imports {imported}"
        for name in modules
        for imported in imports_of(name, modules)
        if name.split(".")[0] != imported.split(".")[0] and floor_of(imported) <= floor_of(name)
    ]


def test_no_import_runs_in_a_circle() -> None:
    modules = files()
    left = {name: imports_of(name, modules) for name in modules}
    while free := [name for name, imported in left.items() if not imported & left.keys()]:
        for name in free:
            del left[name]

    assert left == {}


def test_ports_name_no_implementation() -> None:
    modules = files()

    assert not [name for name in imports_of("encoders.base", modules) if name.startswith("encoders.")]
    assert imports_of("stores.base", modules) <= {"stores.documents", "domain.field_names", *_in("domain", modules)}


def test_concrete_stores_and_encoders_are_named_in_one_place() -> None:
    modules = files()
    assert not [
        f"{name} imports {imported}"
        for name in modules
        for imported in imports_of(name, modules)
        if (imported.startswith(CONCRETE_STORES) and name.split(".")[0] != "stores" and name not in NAMES_STORES)
        or (imported in CONCRETE_ENCODERS and name.split(".")[0] != "training" and name not in NAMES_ENCODERS)
    ]


def _in(room: str, modules: dict[str, Path]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == room}


def test_files_folders_and_functions_are_small() -> None:
    paths = files().values()
    full = {str(folder): len([*folder.glob("*.py")]) for folder in {path.parent for path in paths}}
    long = {str(path): len(path.read_text().splitlines()) for path in paths}
    functions = {
        f"{path.relative_to(PACKAGE)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }

    assert {folder: count for folder, count in full.items() if count > FILES_A_FOLDER} == {}
    assert {path: lines for path, lines in long.items() if lines > LINES_A_FILE} == {}
    assert {name: lines for name, lines in functions.items() if lines > LINES_A_FUNCTION} == {}


def test_the_package_and_its_tests_stay_lean() -> None:
    def lines(folder: Path) -> int:
        return sum(len(path.read_text().splitlines()) for path in folder.rglob("*.py"))

    pocket = lines(PACKAGE / "training" / "pocket")

    assert lines(PACKAGE) - pocket <= LINES
    assert pocket <= LINES_OF_POCKET
    assert lines(Path(__file__).parent) <= LINES_OF_TESTS


def test_every_folder_says_what_it_is() -> None:
    assert not [name for name, path in files().items() if not ast.get_docstring(ast.parse(path.read_text()))]


def test_importing_petfinder_loads_nothing_heavy_is_quick_and_hides_no_name_of_the_face() -> None:
    rooms = sorted({name.split(".")[0] for name in files()} - {"__main__", "__init__"})
    light = (
        "import sys; import petfinder as pf; import petfinder.registry.connect;"
        f"[getattr(pf, name) for name in {SEEN_BY_USERS.split()!r}];"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    hidden = (
        f"import importlib, types, petfinder as pf; [importlib.import_module('petfinder.' + m) for m in {rooms!r}];"
        "print([name for name in pf.__all__ if isinstance(getattr(pf, name), types.ModuleType)])"
    )
    timed = "import time; start = time.perf_counter(); import petfinder; print(time.perf_counter() - start)"

    assert printed(light) == printed(hidden) == "[]"
    assert min(float(printed(timed)) for _ in range(3)) < 0.5


def printed(code: str) -> str:
    """What a fresh Python prints for this code."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_value_that_shows_itself_has_its_renderer() -> None:
    from petfinder.display.renderers import RENDERERS

    for (_, way), function in RENDERERS.items():
        assert callable(resolve_name(function)), (way, function)


def test_the_face_offers_every_error_and_types_what_it_offers() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }

    assert typed == set(pf.__all__)
    assert {name for name, value in vars(errors).items() if isinstance(value, type)} <= set(pf.__all__)
    assert all(getattr(pf, name) for name in pf.__all__)
