"""One Elasticsearch node in a process of its own, which ends when its standard input closes.

Knows how the server's jars become a running node: the home folder, the JVM and its options, the node's settings.
`tests.elastic.servers` starts it: `python -m tests.elastic.node --version 9.5.3 --home FOLDER --port 9200 ...`.
"""

from __future__ import annotations

import argparse
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
    for jar in jars:
        if is_netty(jar):
            shutil.copy(jar, module / jar.name)
        if jar.name.startswith("transport-netty4-"):
            (module / DESCRIPTOR).write_text(_descriptor(jar))


def _descriptor(jar: Path) -> str:
    with zipfile.ZipFile(jar) as archive:
        inside = next(name for name in archive.namelist() if name.endswith(f"transport-netty4/{DESCRIPTOR}"))
        lines = archive.read(inside).decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith("modulename")) + "\n"


def start_jvm(options: argparse.Namespace, jars: list[Path]) -> None:
    """Start the JVM inside this process, with the server's jars on its class path or, for 8.x, its module path."""
    server = [str(jar) for jar in jars if not is_netty(jar)]
    arguments = [f"-Xms{options.heap}", f"-Xmx{options.heap}", f"-Des.path.home={options.home}"]
    arguments += ["-Dlog4j2.disable.jmx=true", "-Dlog4j2.formatMsgNoLookups=true"]
    if not options.warm:
        lazily = (f"-XX:Tier4{counted}Threshold=1000000" for counted in ("Invocation", "Compile", "BackEdge"))
        arguments += [
            "-XX:+UseSerialGC",
            *lazily,
        ]  # without the optimising compiler at all, cosines are rounded otherwise
    if options.version.startswith("8."):
        arguments += [f"--module-path={os.pathsep.join(server)}", f"--add-modules={OLD_MODULES}"]
        server = []
    else:
        arguments += ["--enable-native-access=ALL-UNNAMED"]
        if "jdk.incubator.vector" in (options.java_home / "release").read_text():
            arguments += ["--add-modules=jdk.incubator.vector"]
    library = next(options.java_home.rglob("libjvm.*"))
    jpype.startJVM(*arguments, jvmpath=str(library), classpath=server, convertStrings=True)


def settings_of(options: argparse.Namespace) -> dict[str, str]:
    """The node's settings: on this machine only, alone or with the nodes it is told of."""
    settings = {
        "path.home": str(options.home),
        "path.repo": str(options.home / "snapshots"),
        "cluster.name": options.cluster,
        "node.name": options.name,
        "http.port": str(options.port),
        "transport.port": str(options.transport_port),
        "network.host": "127.0.0.1",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    if options.seeds:
        together = {"discovery.seed_hosts": options.seeds, "cluster.initial_master_nodes": options.masters}
        return {**settings, **together}
    return {**settings, "discovery.type": "single-node"}


def start_node(options: argparse.Namespace) -> Any:
    """Start the node inside the running JVM and give its Java object."""
    logging = jpype.JClass("org.elasticsearch.common.logging.LogConfigurator")
    logging.configureESLogging()
    builder = jpype.JClass("org.elasticsearch.common.settings.Settings").builder()
    for name, value in settings_of(options).items():
        builder.put(name, value)
    path = jpype.JClass("java.nio.file.Path").of
    environment = jpype.JClass("org.elasticsearch.env.Environment")(builder.build(), path(str(options.home / "config")))
    loading = jpype.JClass("org.elasticsearch.plugins.PluginsLoader")
    nothing, none = jpype.JClass("java.util.Set").of(), jpype.JClass("java.util.Map").of()
    modules = path(str(options.home / "modules"))
    if options.version.startswith("8."):
        bundles = loading.loadModulesBundles(modules)
        loader = loading.createPluginsLoader(bundles, nothing, none)
    else:
        bundles = loading.loadModulesBundles(modules, False)
        loader = loading.createPluginsLoader(bundles, nothing, none, False)
    return jpype.JClass("org.elasticsearch.node.Node")(environment, loader).start()


def main() -> None:
    """Run a node until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--jars", required=True, help="the server's jars, in the manner of a class path")
    parser.add_argument("--java-home", required=True, type=Path)
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--transport-port", required=True, type=int)
    parser.add_argument("--heap", default="1g")
    parser.add_argument("--cluster", default="petfinder-tests")
    parser.add_argument("--name", default="node-0")
    parser.add_argument("--warm", action="store_true", help="compile what runs often as well as Java can")
    parser.add_argument("--seeds", default="", help="host:port of every node, comma separated")
    parser.add_argument("--masters", default="", help="names of the nodes that found the cluster, comma separated")
    options, starter = parser.parse_args(), os.getppid()
    jars = [Path(jar) for jar in options.jars.split(os.pathsep)]
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
