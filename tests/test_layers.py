"""The layers of the package: a module imports only modules on a lower line, and importing it costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import petfinder

PACKAGE = Path(petfinder.__file__).parent
LAYERS = [
    ["errors", "text", "progress", "cores", "choices", "versions", "replacing"],
    ["vectors", "reports", "values"],
    ["within_class"],
    ["pets"],
    ["filters", "field_names", "thresholds", "pixels", "exif", "wholeness", "decoding"],
    ["photos", "search", "views"],
    ["encoders", "tuned", "stores"],
    ["embedding", "documents"],
    ["rebuilding"],
    ["util"],
    ["bulk", "repository"],
    ["opened"],
    ["registering", "completing", "finding", "existing", "service", "folders", "rows", "manifests", "intake", "export"],
    ["registry", "copying", "measures", "calibration", "evaluation"],
    ["measuring", "evaluate", "fitting", "trial", "tuning"],
    ["settings", "connection", "comparing"],
    ["display", "puppies", "demo"],
    ["access", "desk_answers"],
    ["desk"],
    ["widgets"],
    ["page"],
    ["cli", "training", "__main__"],
]
# Values that show themselves: their methods import the display when they are called.
SHOWN_BY_DISPLAY = {"search", "reports", "pets", "util", "evaluation", "comparing", "rebuilding", "copying"}
HEAVY = ("torch", "onnxruntime", "elasticsearch", "matplotlib", "pandas", "IPython", "sentence_transformers")
SEEN_BY_USERS = "Dog Cat Pet Owner Photo PetFilter BulkReport Match Matches Thresholds Verdict DogRepository DogService"


def line_of(module: str) -> int:
    """The line of the table on which a dotted module's top name stands."""
    return next(line for line, names in enumerate(LAYERS) if module.split(".")[0] in names)


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """The petfinder modules that a file imports, and whether it does so inside a function."""
    tree = ast.parse(path.read_text())
    at_top = {id(node) for node in ast.walk(tree) if isinstance(node, ast.Module) for node in node.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("petfinder."):
            found.append(((node.module or "").removeprefix("petfinder."), id(node) not in at_top))
    return found


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below `petfinder`."""
    files = [path for path in PACKAGE.rglob("*.py") if "dataset" not in path.relative_to(PACKAGE).parts]
    names = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in names.items() if name != "__init__"}


def test_every_module_has_its_line_in_the_layers() -> None:
    known = {name for names in LAYERS for name in names}

    assert {name.split(".")[0] for name in modules()} - known == set()


def test_imports_point_downwards() -> None:
    upwards = []
    for name, path in modules().items():
        for imported, inside in imports_of(path):
            shown = inside and name in SHOWN_BY_DISPLAY and imported.startswith("display")
            if line_of(imported) > line_of(name) and not shown and not _only_for_types(path, imported):
                upwards.append(f"{name} imports {imported}")

    assert upwards == []


def _only_for_types(path: Path, imported: str) -> bool:
    guarded = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.If)]
    return any(
        isinstance(child, ast.ImportFrom) and child.module == f"petfinder.{imported}"
        for node in guarded
        if ast.unparse(node.test) == "TYPE_CHECKING"
        for child in node.body
    )


def test_no_name_of_the_face_is_hidden_by_a_module() -> None:
    plain = sorted({name.split(".")[0] for name in modules()} - set(LAYERS[-1]))
    code = (
        f"import importlib, types, petfinder as pf; [importlib.import_module('petfinder.' + m) for m in {plain!r}];"
        "print([name for name in pf.__all__ if isinstance(getattr(pf, name), types.ModuleType)])"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "[]"


def test_ports_name_no_implementation() -> None:
    for port in ("encoders.port", "stores.port"):
        package = port.split(".")[0]
        assert [name for name, _ in imports_of(modules()[port]) if name.startswith(f"{package}.")] == []


def test_only_connection_names_concrete_stores_and_encoders() -> None:
    concrete = {
        name
        for name in modules()
        if name.split(".")[0] in ("stores", "encoders") and "port" not in name and "." in name
    }
    outside = [
        f"{name} imports {imported}"
        for name, path in modules().items()
        if name != "connection" and name.split(".")[0] not in ("stores", "encoders", "training")
        for imported, _ in imports_of(path)
        if imported in concrete
    ]

    assert outside == []


def test_no_module_passes_300_lines() -> None:
    long = {name: len(path.read_text().splitlines()) for name, path in modules().items()}

    assert {name: lines for name, lines in long.items() if lines > 300} == {}


def test_importing_petfinder_loads_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import petfinder as pf; import petfinder.connection;"
        f"[getattr(pf, name) for name in {SEEN_BY_USERS.split()!r}];"
        f"print([name for name in {HEAVY!r} if name in sys.modules]);"
    )
    bare = "import time; start = time.perf_counter(); import petfinder; print(time.perf_counter() - start)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds = [
        float(subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]

    assert loaded.strip() == "[]"
    assert min(seconds) < 0.5
