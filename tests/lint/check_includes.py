#!/usr/bin/python3
"""Checks the shape of the source tree: who includes whom, include cycles, guards, file lengths, and
what the leaves must not use. Prints one line per finding; exits 1 if there are any."""

import os
import re
import sys

import rules

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{", re.MULTILINE)
TYPE = re.compile(r"^(?:class|struct|enum class) (?:ABSL_\w+ )?(\w+)(?: final)?(?: :[^{;]*)? \{",
                  re.MULTILINE)
# Written so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__"}
CPP = (".h", ".cc")
COUNTED = (".h", ".cc", ".proto", ".py", ".sh", ".js", ".go")


def files_of(root):
    """All files of the tree by their path from its root, build output left out."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(
            s for s in subfolders if s not in SKIPPED_FOLDERS and (s == ".ci" or s[0] != "."))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)]
    return found


def without_comments(text):
    """The code alone; line breaks stay, so that line numbers do."""
    return COMMENT_OR_LITERAL.sub(lambda match: "\n" * match.group().count("\n"), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def folder_rule(path):
    """The rule for a file, of the longest folder that it is in; None for tests."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        rule = rules.FOLDERS.get("/".join(parts[:length]))
        if rule is not None:
            return rule
    return None


def is_in(path, folders):
    return any(path.startswith(folder + "/") for folder in folders)


def resolve(included, known):
    """What an include names: ("own", path), ("generated", path), ("library", path), ("std", name)."""
    if included in known:
        return "own", included
    if included.startswith(rules.GENERATED) and included.endswith(".pb.h"):
        return "generated", included
    if "/" not in included and not included.endswith((".h", ".hpp")):
        return "std", included
    if included.startswith(rules.SYSTEM):
        return "system", included
    if "/" in included or included in {lib for f in rules.FOLDERS.values() for lib in f.libraries}:
        return "library", included
    return "system", included


def check_include(path, included, known):
    """The finding about one include, or None."""
    if ".." in included.split("/"):
        return f"includes {included}: give the path from the root of the repository"
    kind, target = resolve(included, known)
    if kind == "own" and target.startswith("tests/") and not path.startswith("tests/"):
        return f"includes {included}: only tests include tests"
    rule = folder_rule(path)
    if rule is None:
        return None
    if kind == "own" and not is_in(target, rule.own):
        return f"includes {included}: this folder may include {', '.join(rule.own)}"
    if kind == "generated" and "proto" not in rule.own:
        return f"includes {included}: this folder may not include generated code"
    if kind == "library" and not target.startswith(rule.libraries):
        return f"includes {included}: this folder may include {', '.join(rule.libraries)}"
    allowed = rules.LEAF_EXCEPTIONS.get(path, set())
    if rule.leaf and kind == "system" and target not in allowed:
        return f"includes {included}: a leaf uses the standard library only"
    if rule.leaf and kind == "std" and target in rules.LEAF_BANNED_HEADERS - allowed:
        return f"includes <{included}>: not in a leaf"
    return None


def check_leaf_code(path, code):
    rule = folder_rule(path)
    if rule is None or not rule.leaf or path in rules.LEAF_EXCEPTIONS:
        return
    for pattern, advice in rules.LEAF_BANNED_CODE.items():
        for match in re.finditer(pattern, code):
            yield f"{path}:{line_of(code, match.start())}: {match.group().strip()}: {advice}"


def check_guard(path, text):
    guard = "LARDER_" + re.sub(r"[^A-Z0-9]", "_", path.upper()) + "_"
    wanted = rf"^#ifndef {guard}\n#define {guard}\n.*^#endif  // {guard}\s*\Z"
    if not re.search(wanted, text, re.MULTILINE | re.DOTALL):
        return [f"{path}:1: the include guard must be {guard}"]
    return []


def find_cycle(graph):
    """A list of files that include each other in a ring, or None."""
    done, active = set(), []

    def visit(node):
        if node in active:
            return active[active.index(node):] + [node]
        if node in done:
            return None
        active.append(node)
        for target in graph.get(node, ()):
            cycle = visit(target)
            if cycle:
                return cycle
        active.pop()
        done.add(node)
        return None

    for start in sorted(graph):
        cycle = visit(start)
        if cycle:
            return cycle
    return None


def way_to(start, targets, graph):
    """The shortest way along includes from a file to one of the targets, or None."""
    ways, seen = [[start]], {start}
    for way in ways:
        if way[-1] in targets:
            return way
        for target in graph.get(way[-1], ()):
            if target not in seen:
                seen.add(target)
                ways.append(way + [target])
    return None


def check_light_headers(graph, heavy):
    for path in sorted(graph):
        if path.endswith(".h") and path.startswith(rules.LIGHT_HEADERS):
            way = way_to(path, heavy, graph)
            if way:
                yield f"{path}:1: brings gRPC or generated code along: {' -> '.join(way)}"


def check_doubles(path, text, types):
    """A type that another header defines, too: a program that links both takes the functions of one
    for the other. Those of tests never meet."""
    if not path.endswith(".h") or path.startswith("tests/"):
        return
    namespace = NAMESPACE.search(text)
    for match in TYPE.finditer(text):
        name = (namespace.group(1) if namespace else "", match.group(1))
        first = types.setdefault(name, path)
        if first != path:
            yield f"{path}:{line_of(text, match.start())}: {name[1]} is defined by {first}, too"


def check_cpp(path, text, known, graph, heavy):
    findings = []
    graph[path] = []
    for match in INCLUDE.finditer(text):
        included = match.group(2)
        finding = check_include(path, included, known)
        if finding:
            findings.append(f"{path}:{line_of(text, match.start(1))}: {finding}")
        kind, target = resolve(included, known)
        if kind == "own":
            graph[path].append(included)
        elif kind == "generated" or (kind == "library" and target.startswith(rules.HEAVY)):
            heavy.add(path)
    findings += check_leaf_code(path, without_comments(text))
    if path.endswith(".h"):
        findings += check_guard(path, text)
    return findings


def check_tree(root):
    """All findings about the tree, each "path:line: what"."""
    paths = files_of(root)
    known = {path for path in paths if path.endswith(CPP)}
    findings, graph, heavy, types = [], {}, set(), {}
    for path in paths:
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            continue
        if path.endswith(COUNTED) and text.count("\n") > rules.LINES_MAX:
            findings.append(f"{path}:1: {text.count(chr(10))} lines; at most {rules.LINES_MAX}")
        if path.endswith(COUNTED + (".txt", ".cmake")):
            for match in UNFINISHED.finditer(text):
                findings.append(f"{path}:{line_of(text, match.start())}: {match.group()} left in")
        if path in known:
            findings += check_cpp(path, text, known, graph, heavy)
            findings += check_doubles(path, text, types)
    findings += check_light_headers(graph, heavy)
    cycle = find_cycle(graph)
    if cycle:
        findings.append(f"{cycle[0]}:1: include cycle: {' -> '.join(cycle)}")
    return findings


def main():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
