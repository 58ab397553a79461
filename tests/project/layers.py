# SPDX-License-Identifier: BSD-2-Clause
"""Rules of the source tree that no compiler checks (docs/hacking.md).

Each method of House checks one rule and returns its violations as "file:line: what is wrong".
Run as a program, this prints all violations: tests/project/layers.py [BUILD]
"""

import collections
import io
import pathlib
import re
import subprocess
import sys
import tokenize

# Floors, top first. A file includes and calls files of its own folder and of folders on
# lower floors. Folders on one floor do not know each other.
LIBCORE = ("libcore",)
FLOORS = {
    "libcore": [LIBCORE],
    "cuse-daxd": [("cuse-daxd",), ("cuse-daxd/control",), ("cuse-daxd/faults", "cuse-daxd/clients"),
                  ("cuse-daxd/registry",), ("cuse-daxd/store", "cuse-daxd/frontend"),
                  ("cuse-daxd/config", "cuse-daxd/runtime"), ("cuse-daxd/base",), LIBCORE],
    "client/shim": [("client/shim/wrap",), ("client/shim/memory",), ("client/shim/process",),
                    ("client/shim/base",), LIBCORE],
    # The shim in programs that load no library.
    "client/graft": [("client/graft",), ("client/shim/wrap",), ("client/shim/memory",), ("client/shim/process",),
                     ("client/shim/base",), LIBCORE],
    # It answers the filter that a child of such a program inherits.
    "client/trap": [("client/trap",), ("client/graft",), ("client/shim/memory",), ("client/shim/base",), LIBCORE],
    # Of the shim it takes the system calls, which are a header alone.
    "client/probe": [("client/probe",), ("client/shim/base",), LIBCORE],
    "client/base": [("client/base",), LIBCORE],
    # Of the shim it takes the system calls, which are a header alone.
    "client/crash": [("client/crash",), ("client/shim/base",), LIBCORE],
    # It executes the command as the shim's wrappers execute a child.
    "client/daxrun": [("client/daxrun",), ("client/base", "client/shim/base"), LIBCORE],
    "client/lib": [("client/lib",), ("client/base",), LIBCORE],
    "client/cuse-daxctl": [("client/cuse-daxctl",), ("client/lib",), ("client/base",), LIBCORE],
}

# Exported functions begin with their program's prefix and name a word of their file.
PREFIXES = {"libcore": "dax_", "cuse-daxd": "daxd_", "client/shim": "shim_", "client/crash": "crash_",
            "client/graft": "graft_", "client/trap": "trap_", "client/probe": "probe_",
            "client/base": "client_", "client/lib": "cuse_daxd_", "client/daxrun": "run_", "client/cuse-daxctl": "ctl_"}

# More words for the functions of a file, where its name alone would make theirs worse.
MORE_WORDS = {
    "libcore/device.c": ("name",),  # a device's name
    "libcore/event.c": ("errno",),  # errno's name in an event
    "libcore/maps_text.c": ("smaps",),
    "libcore/model.c": ("region", "dev"),  # a model consists of them
    "libcore/model_ranges.c": ("region", "dev"),  # what ranges belong to
    "libcore/model_verbs.c": ("region", "dev", "driver"),  # what the verbs act on
    "libcore/model_provision.c": ("dev", "step"),  # what is provisioned, in steps
    "libcore/reason.c": ("call", "verdict"),  # the texts that explain a verdict on a call
    "libcore/size.c": ("align",),  # an align is a size
    "libcore/verdict.c": ("open", "iocb", "ioctl"),  # their arguments, for the verdicts
    "libcore/vma_verdict.c": ("advice",),  # madvise's, for its verdict
    "libcore/wire.c": ("msg",),  # what goes over the wire
    "cuse-daxd/faults/badblocks.c": ("bad",),  # bad memory
    # The functions of a public library, whose users know one header.
    "client/lib/cuse_daxd.c": ("new", "free", "error", "request", "list", "create", "destroy",
                               "enable", "disable", "inject", "clear", "fault", "watch", "event"),
    "client/shim/base/peek.c": ("poke",),  # the other direction
    "client/daxrun/run.c": ("once",),  # run_once(): the prefix is the file's word
    "client/shim/process/lock.c": ("unlock",),
    "client/daxrun/util.c": ("warn", "die", "alloc", "strdup", "format", "redirect", "now"),
}

# The compiler calls memcpy() and its kin by libc's names, and libc documents them. The others
# are in front of libc's.
NAMED_BY_LIBC = {"client/shim/base/string.c", "client/crash/signals.c", "client/graft/libc.c",
                 "client/graft/real.c", "client/trap/trap.c"}
NAMED_BY_PMDK = {"client/crash/libpmem.c", "client/crash/libpmem2.c"}

TEXTS = (".c", ".h", ".def", ".py", ".sh", ".md", ".conf", ".1", ".5", ".7", ".8")

WORD = re.compile(r"""(?xs)
    (?:\A\s* | \n\s*\n\s* | [.!?:)]\s+ | \x00\s*)     # the start of a sentence, a cell or a list item
    ((?:Who|What)\b(?!:) .*? (?: [.!?](?=[\s)*"]|\Z) | (?=\x00|\n\s*\n) | \Z))""")


def part_of(path):
    """The part that a file belongs to, or None."""
    return max((p for p in FLOORS if path.startswith(p + "/")), key=len, default=None)


def folder_of(path):
    return path.rpartition("/")[0]


def stem(path):
    return path.rpartition(".")[0]


def floor_of(part, folder):
    """The number of a folder's floor in a part (0 is the top), or None."""
    return next((i for i, floor in enumerate(FLOORS[part]) if folder in floor), None)


def may_use(user, used):
    """True if the file `user` may include or call the file `used`."""
    part = part_of(user)
    mine, other = (floor_of(part, folder_of(path)) for path in (user, used))
    if mine is None or other is None:
        return False
    return folder_of(user) == folder_of(used) or other > mine


def singular(words):
    return {word.rstrip("s") for word in words}


def blank(text, pattern, flags=re.S):
    """The text without what matches, each line where it was."""
    return re.sub(pattern, lambda m: "\n" * m[0].count("\n"), text, flags=flags)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def c_comments(text):
    """Yields (offset, text) of each comment; strings are left out."""
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|//[^\n]*', text, re.S):
        if match[0][0] == "/":
            body = re.sub(r"(?m)^[ \t]*\*(?!/)|^/\*+|\*+/$|^//", "", match[0])
            yield match.start(), re.sub(r"(?m)^ @\w+:", "\x00", body)


def python_comments(text):
    previous = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.string.lstrip("#! ")
        elif token.type == tokenize.STRING and previous in (None, tokenize.INDENT, tokenize.NEWLINE):
            yield token.start, token.string.strip('"\'')
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            previous = token.type


class House:
    """A source tree, and the objects that were built from it."""

    def __init__(self, root, build):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build)
        self.sources = sorted(str(p.relative_to(self.root)) for part in FLOORS
                              for p in (self.root / part).rglob("*.[ch]"))
        self.text = {path: (self.root / path).read_text() for path in self.sources}
        wrap_def = self.root / "client/shim/wrap/wrap.def"
        self.wrapped = set(re.findall(r"^(?:PATH|PATH_ASK|FD|OWN)\((\w+)", wrap_def.read_text(), re.M)
                           if wrap_def.exists() else ())
        self.defines, self.undefined, self.functions = {}, {}, {}
        self.read_objects()

    # -- objects

    @staticmethod
    def object_of(build, path):
        """The object that make builds from a .c file."""
        folder = "shim-obj" if path.startswith(("client/shim/", "client/crash/", "client/graft/", "client/trap/")) else "obj"
        return build / folder / (stem(path) + ".o")

    def read_objects(self):
        """Fills in defines {(part, symbol): file}, undefined {file: symbols}, functions {file: symbols}."""
        # The probe is compiled and linked at once, for each kind of program.
        objects = {path: self.object_of(self.build, path) for path in self.sources
                   if path.endswith(".c") and not path.startswith("client/probe/")}
        missing = [path for path, obj in objects.items() if not obj.exists()]
        assert not missing, f"not built (make all): {missing}"
        if not objects:
            return
        listing = subprocess.run(["nm", "-A", "-P", *objects.values()], capture_output=True, text=True,
                                 check=True).stdout
        file_of = {str(obj): path for path, obj in objects.items()}
        for line in listing.splitlines():
            obj, name, kind = line.replace(": ", " ", 1).split()[:3]
            path = file_of[obj]
            if kind in "Uw":
                self.undefined.setdefault(path, set()).add(name)
            elif kind.isupper():
                self.defines[part_of(path), name] = path
                if path in NAMED_BY_LIBC | NAMED_BY_PMDK:
                    self.wrapped.add(name)
                if kind in "TW":
                    self.functions.setdefault(path, set()).add(name)

    def definer(self, user, name):
        """The file of the same program that defines a symbol, or None."""
        return self.defines.get((part_of(user), name)) or self.defines.get(("libcore", name))

    def arrows(self):
        """{file: {file whose symbols it uses: those symbols}}"""
        graph = collections.defaultdict(lambda: collections.defaultdict(set))
        for user, names in self.undefined.items():
            for name in names:
                used = self.definer(user, name)
                if used and used != user:
                    graph[user][used].add(name)
        return graph

    def line_using(self, path, name):
        match = re.search(rf"\b{name}\b", self.text[path])
        return line_of(self.text[path], match.start()) if match else 1

    # -- rules

    def includes(self):
        """A file includes files of its own folder and of folders on lower floors only."""
        found = []
        for path in self.sources:
            if floor_of(part_of(path), folder_of(path)) is None:
                found.append(f"{path}:1: {folder_of(path)}/ is no folder of the plan")
            for match in re.finditer(r'^#\s*include\s+"([^"]+)"', self.text[path], re.M):
                if not may_use(path, match[1]):
                    line = line_of(self.text[path], match.start())
                    found.append(f"{path}:{line}: must not include {match[1]}")
        return found

    def calls_up(self):
        """A file uses symbols of its own folder and of folders on lower floors only."""
        return [f"{user}:{self.line_using(user, min(names))}: must not use {used} ({', '.join(sorted(names))})"
                for user, uses in sorted(self.arrows().items())
                for used, names in sorted(uses.items()) if not may_use(user, used)]

    def circles(self):
        """No two files need each other, directly or through others."""
        graph = self.arrows()

        def reachable(start):
            seen, todo = set(), [start]
            while todo:
                new = set(graph.get(todo.pop(), ())) - seen
                seen |= new
                todo += new
            return seen

        reach = {path: reachable(path) for path in graph}
        circles = {frozenset(b for b in seen if path in reach.get(b, ()))
                   for path, seen in reach.items() if path in seen}
        found = []
        for circle in sorted(circles, key=sorted):
            arrows = [f"\n    {a} -> {b} ({', '.join(sorted(graph[a][b]))})"
                      for a in sorted(circle) for b in sorted(graph[a]) if b in circle]
            found.append(f"{min(circle)}:1: a circle of {len(circle)} files:{''.join(arrows)}")
        return found

    def exported(self):
        """Yields (file, line, name) of each exported function that libc does not name."""
        for path, names in sorted(self.functions.items()):
            for name in sorted(names - self.wrapped - {"main"}):
                match = re.search(rf"^(?!\s|#|//|/?\*).*\b{name}\([^;{{]*\{{", self.text[path], re.M)
                yield path, line_of(self.text[path], match.start()) if match else 1, name

    def names(self):
        """An exported function has its program's prefix and a word of its file's name.

        shim_mlock() may stand for mlock() in any file.
        """
        found, needed = [], set()
        for path, line, name in self.exported():
            prefix = PREFIXES[part_of(path)]
            words = singular(name[len(prefix):].split("_"))
            more = words & singular(MORE_WORDS.get(path, ()))
            if not name.startswith(prefix):
                found.append(f"{path}:{line}: {name}() must begin with {prefix}")
            elif name[len(prefix):] in self.wrapped or words & singular(pathlib.Path(path).stem.split("_")):
                continue
            elif more:
                needed |= {(path, word) for word in more}
            else:
                found.append(f"{path}:{line}: {name}() has no word of its file's name")
        return found + [f"{path}:1: the word '{word}' in MORE_WORDS is not needed"
                        for path, words in MORE_WORDS.items() if path in self.text
                        for word in sorted(singular(words)) if (path, word) not in needed]

    def docs(self):
        """An exported function has a kernel-doc comment, at its definition or declaration."""
        documented = {name for text in self.text.values()
                      for comment in re.findall(r"/\*\*\n.*?\*/", text, re.S)
                      for name in re.findall(r"^\s*\* (\w+)\(\) - ", comment, re.M)}
        return [f"{path}:{line}: {name}() has no kernel-doc comment"
                for path, line, name in self.exported() if name not in documented]

    def headers(self):
        """A file that others use has a header of its name, which declares its functions alone."""
        used = collections.defaultdict(set)
        for uses in self.arrows().values():
            for path, names in uses.items():
                used[path] |= names - self.wrapped
        found = [f"{path}:1: others use {', '.join(sorted(names))}, but there is no {stem(path)}.h"
                 for path, names in sorted(used.items()) if names and stem(path) + ".h" not in self.text]
        for path in self.sources:
            if path.endswith(".h"):
                for line, name in self.declared(path):
                    home = self.definer(path, name)
                    if home is None and re.search(rf"^\w.*\b{name}\(",
                                                  self.text.get(stem(path) + ".c", ""), re.M):
                        continue  # in another build only
                    if home is None:
                        found.append(f"{path}:{line}: {name} is defined nowhere")
                    elif stem(home) != stem(path):
                        found.append(f"{path}:{line}: {name} is defined in {home}")
        return found

    def declared(self, path):
        """Yields (line, name) of functions and variables that a header declares."""
        text = blank(blank(self.text[path], r"/\*.*?\*/|//[^\n]*"), r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
        while re.search(r"\{[^{}]*\}", text):
            text = re.sub(r"\{[^{}]*\}", lambda m: ";" + "\n" * m[0].count("\n"), text)
        start = 0
        for statement in text.split(";"):
            if not re.match(r"\s*(static|typedef|_Static_assert)\b", statement):
                known = {name for _, name in self.defines} - self.wrapped
                for match in re.finditer(r"(?<!struct )\b(\w+)\b(\s*\()?", statement):
                    name = match[1]
                    is_ours = match[2] and name.startswith(tuple(PREFIXES.values()))
                    if name in known or is_ours:
                        yield line_of(text, start + match.start()), name
            start += len(statement) + 1

    def words(self):
        """No sentence of a comment or a page begins with Who or What, unless it is a question."""
        found = []
        for path in self.texts():
            text = (self.root / path).read_text()
            for offset, body in comments(path, text):
                first = offset[0] if isinstance(offset, tuple) else line_of(text, offset)
                for match in WORD.finditer(body):
                    if not match[1].endswith("?"):
                        line = first + body.count("\n", 0, match.start(1))
                        found.append(f"{path}:{line}: {' '.join(match[1].split())[:70]}")
        return found

    def texts(self):
        """All files with prose in them."""
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if not name.startswith((".git/", ".hypothesis/", "build/")) and path.is_file() \
                    and (path.suffix in TEXTS or is_script(path)):
                yield name


def is_script(path):
    if path.name == "Makefile":
        return True
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def comments(path, text):
    """Yields (place, text) of each piece of prose in a file; a place is an offset or (line, column)."""
    if path.endswith((".c", ".h", ".def", ".rs", ".java")):
        yield from c_comments(text)
    elif path.endswith(".py") or text.startswith("#!") and "python" in text.split("\n", 1)[0]:
        yield from python_comments(text)
    elif path.endswith(".md"):
        text = blank(text, r"^```.*?^```", re.S | re.M)
        yield 0, re.sub(r"(?m)^[ \t]*(?:[*-]|\d+\.|#+) |\| ?", "\x00", text)
    elif path[-2:] in (".1", ".5", ".7", ".8"):
        text = re.sub(r"(?m)^\.(?:\\\"|Dd|Dt|Os|Sh|Ss|It|Pp|Bl|El|Bd|Ed|D1|Dl).*", "\x00", text)
        yield 0, re.sub(r"(?m)^\.\w+ ?", "", text)
    else:
        for match in re.finditer(r"(?m)(?:^[ \t]*#(?!!).*\n?)+", text):
            yield match.start(), re.sub(r"(?m)^[ \t]*# ?", "", match[0])


RULES = ("includes", "calls_up", "circles", "names", "docs", "headers", "words")


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    house = House(root, root / (sys.argv[1] if len(sys.argv) > 1 else "build"))
    for rule in RULES:
        found = getattr(house, rule)()
        print(f"== {rule}: {len(found)}", *found, sep="\n")


if __name__ == "__main__":
    main()
