"""Tools that the interop tests install into build/tools when the machine has their language."""

import fcntl
import filecmp
import glob
import hashlib
import os
import shutil
import subprocess
import unittest

from end_to_end.harness.paths import PROTO, ROOT, TOOLS

GO_TOOLS = {
    "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3",
    "h2spec": "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible",
    "client": "google.golang.org/grpc/interop/client@v1.72.2",
    "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.6",
    "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1",
}
GO_PROTOS = ("larder/v1/cache.proto", "larder/v1/error.proto")
# Where these programs are, when the PATH does not say: a test that could run is not skipped.
USUAL_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin", "/usr/local/bin", "/opt/maven/bin",
                 "/usr/lib/jvm/default-java/bin")
os.environ["PATH"] = os.pathsep.join(
    [os.environ["PATH"], *(folder for folder in USUAL_FOLDERS if os.path.isdir(folder))])


def need(*programs):
    """Skips the test on a machine without all of a language's programs; one that has them must pass.
    One that has some of them skips, too, but fails with CI=true."""
    missing = [program for program in programs if not shutil.which(program)]
    if not missing:
        return
    reason = f"no {', no '.join(missing)} here"
    if os.environ.get("CI") == "true" and len(missing) < len(programs):
        there = [program for program in programs if program not in missing]
        raise AssertionError(f"{reason}, but {', '.join(there)}: CI must not skip this")
    raise unittest.SkipTest(reason)


def run(command, **options):
    """Runs a command; a failure shows what it said. Returns its output."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


class Installing:
    """Only one process at a time installs into a folder."""

    def __init__(self, name):
        self.folder = os.path.join(TOOLS, name)

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        self._lock = open(os.path.join(self.folder, ".lock"), "w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self.folder

    def __exit__(self, *_):
        self._lock.close()


def go_tool(name):
    """The path of a Go program, installed at its pinned version."""
    version = GO_TOOLS[name].rsplit("@", 1)[1]
    with Installing(f"go-{version}") as folder:
        program = os.path.join(folder, name)
        if not os.path.exists(program):
            run(["go", "install", GO_TOOLS[name]], env={**os.environ, "GOBIN": folder})
        return program


def go_client():
    """Generates the stubs of the Go client and builds it; returns its path."""
    plugins = {os.path.dirname(go_tool(name)) for name in ("protoc-gen-go", "protoc-gen-go-grpc")}
    source = os.path.join(ROOT, "tests", "interop", "go")
    with Installing("interop_go") as folder:
        for name in ("main.go", "go.mod", "go.sum"):
            shutil.copy(os.path.join(source, name), folder)
        options = []
        for plugin in ("go", "go-grpc"):
            options += [f"--{plugin}_out={folder}", f"--{plugin}_opt=module=larder/interop"]
            options += [f"--{plugin}_opt=M{proto}=larder/interop/larder/v1" for proto in GO_PROTOS]
        path = os.pathsep.join([*plugins, os.environ["PATH"]])
        run(["protoc", f"-I{PROTO}", *options, *GO_PROTOS], env={**os.environ, "PATH": path})
        run(["go", "build", "-mod=readonly", "-o", "interop", "."], cwd=folder)
        return os.path.join(folder, "interop")


def node_modules():
    """Installs what the Node.js client needs, as its lock file says; returns the folder."""
    source = os.path.join(ROOT, "tests", "interop", "node")
    with Installing("interop_node") as folder:
        modules = os.path.join(folder, "node_modules")
        lock = os.path.join(folder, "package-lock.json")
        wanted = os.path.join(source, "package-lock.json")
        if (not os.path.isdir(modules) or not os.path.exists(lock)
                or not filecmp.cmp(lock, wanted, shallow=False)):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(source, name), folder)
            run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder)
        return modules


def java_client():
    """Generates the stubs of the Java client and compiles it, once for each state of its sources and
    of proto/; returns its class path. Maven keeps what it downloads in its own cache."""
    source = os.path.join(ROOT, "tests", "interop", "java")
    files = glob.glob(f"{source}/**/*.*", recursive=True) + glob.glob(f"{PROTO}/larder/v1/*.proto")
    digest = hashlib.sha256()
    for path in sorted(files):
        with open(path, "rb") as file:
            digest.update(path.encode() + b"\0" + file.read())
    with Installing("interop_java") as folder:
        stamp = os.path.join(folder, "stamp")
        if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != digest.hexdigest():
            shutil.rmtree(os.path.join(folder, "build"), ignore_errors=True)
            shutil.copytree(source, os.path.join(folder, "build"))
            run(["mvn", "--batch-mode", "--no-transfer-progress", "compile", f"-Dproto={PROTO}"],
                cwd=os.path.join(folder, "build"))
            with open(stamp, "w", encoding="utf-8") as file:
                file.write(digest.hexdigest())
        target = os.path.join(folder, "build", "target")
        return os.pathsep.join([os.path.join(target, "classes"), os.path.join(target, "lib", "*")])
