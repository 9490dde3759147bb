"""One Elasticsearch node in a process of its own, which ends when its standard input closes.

`tests.elastic.servers` starts it, its options as JSON: version, jars, java_home, home, heap, warm and settings.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import jpype

DESCRIPTOR = "plugin-descriptor.properties"
OLD_MODULES = "org.elasticsearch.server,jdk.net,jdk.management,org.elasticsearch.tdigest"


def is_netty(jar: Path) -> bool:
    """Whether a jar belongs to the module that speaks HTTP and not to the server itself."""
    return jar.name.startswith(("transport-netty4-", "netty-"))


def prepare_home(home: Path, jars: list[Path]) -> None:
    """Lay out a home folder with the HTTP module in it."""
    module = home / "modules" / "transport-netty4"
    for folder in (home / "config", home / "data", home / "logs", home / "plugins", module):
        folder.mkdir(parents=True, exist_ok=True)
    for jar in filter(is_netty, jars):
        shutil.copy(jar, module)
    (transport,) = module.glob("transport-netty4-*.jar")
    with zipfile.ZipFile(transport) as archive:
        inside = next(name for name in archive.namelist() if name.endswith(f"transport-netty4/{DESCRIPTOR}"))
        lines = archive.read(inside).decode().splitlines(keepends=True)
    (module / DESCRIPTOR).write_text("".join(line for line in lines if not line.startswith("modulename")))


def start_jvm(options: argparse.Namespace, jars: list[Path]) -> None:
    """Start the JVM inside this process, with the server's jars on its class path or, for 8.x, its module path."""
    server = [str(jar) for jar in jars if not is_netty(jar)]
    arguments = [f"-Xms{options.heap}", f"-Xmx{options.heap}", f"-Des.path.home={options.home}"]
    arguments += ["-Dlog4j2.disable.jmx=true", "-Dlog4j2.formatMsgNoLookups=true"]
    if not options.warm:
        # compiled late: without the optimising compiler at all, cosines are rounded otherwise
        lazily = (f"-XX:Tier4{counted}Threshold=1000000" for counted in ("Invocation", "Compile", "BackEdge"))
        arguments += ["-XX:+UseSerialGC", *lazily]
    if options.version.startswith("8."):
        arguments += [f"--module-path={os.pathsep.join(server)}", f"--add-modules={OLD_MODULES}"]
        server = []
    else:
        arguments += ["--enable-native-access=ALL-UNNAMED"]
        if "jdk.incubator.vector" in (options.java_home / "release").read_text():
            arguments += ["--add-modules=jdk.incubator.vector"]
    library = next(options.java_home.rglob("libjvm.*"))
    jpype.startJVM(*arguments, jvmpath=str(library), classpath=server, convertStrings=True)


def start_node(options: argparse.Namespace) -> Any:
    """Start the node inside the running JVM and give its Java object."""
    jpype.JClass("org.elasticsearch.common.logging.LogConfigurator").configureESLogging()
    builder = jpype.JClass("org.elasticsearch.common.settings.Settings").builder()
    for name, value in options.settings.items():
        builder.put(name, value)
    path = jpype.JClass("java.nio.file.Path").of
    environment = jpype.JClass("org.elasticsearch.env.Environment")(builder.build(), path(f"{options.home}/config"))
    loading = jpype.JClass("org.elasticsearch.plugins.PluginsLoader")
    nothing, none = jpype.JClass("java.util.Set").of(), jpype.JClass("java.util.Map").of()
    modules = path(str(options.home / "modules"))
    strictly = () if options.version.startswith("8.") else (False,)
    loader = loading.createPluginsLoader(loading.loadModulesBundles(modules, *strictly), nothing, none, *strictly)
    return jpype.JClass("org.elasticsearch.node.Node")(environment, loader).start()


def main() -> None:
    """Run a node until standard input closes."""
    options, starter = argparse.Namespace(**json.loads(sys.argv[1])), os.getppid()
    options.home, options.java_home = Path(options.home), Path(options.java_home)
    jars = [Path(jar) for jar in options.jars]
    prepare_home(options.home, jars)
    start_jvm(options, jars)
    node = start_node(options)
    sys.stdin.buffer.read()
    node.close()
    if os.getppid() != starter:  # killed: nobody else is left who would tidy up
        shutil.rmtree(options.home.parent, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
