# SPDX-License-Identifier: BSD-2-Clause
"""Random sequences of calls on mappings of two devices give the same answers from the emulator, a
model and real devices.

The model (mmodel.py) is written from the kernel's source. Emulator and model are compared with
each other and with a real kernel, which decides. Operations that the kernel leaves to chance
are removed from a sequence when the model detects them.

$DAXD_PROPERTY_EXAMPLES sets a larger number of sequences, which differ each time.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from conftest import BUILD, IS_ROOT, ROOT, SETPRIV, environment
from mmodel import Model, first_byte, normal

sys.path.insert(0, str(ROOT / "tests/oracle"))
from guest import Guest  # noqa: E402

MIB = 1 << 20
SIZE = 30 * MIB             # the size of a device in a region of 32 MiB, at 2M and at 4K
STEPS = 30
ALIGNS = {"4K": 4096, "2M": 2 * MIB, "1G": 1 << 30}

# A sanitizer occupies the addresses that replay needs, and would find nothing here.
pytestmark = pytest.mark.plain

MORE = int(os.environ.get("DAXD_PROPERTY_EXAMPLES", "0"))

PAIRS = [("2M", "4K"), ("2M", "2M"), ("4K", "4K")]


def words(*choices):
    """Choose a word. The first choices must be the simplest ones, to which failures shrink."""
    return st.sampled_from(choices)


def sometimes(usual, rare):
    """Choose the rare kind once in eight times."""
    return st.integers(0, 7).flatmap(lambda n: rare if n == 7 else usual)


IDENT = words("0", "1", "2", "3")
DEVICE = words("0", "1")
UNITS = st.integers(0, 8).map(lambda n: f"{n}A")
OFFSET = sometimes(words("0", "1A", "2A", "3A"),
                   words("1P", "1A-1P", "1A+1P", "2A+1P", "-1A", "1", "-1P"))
LENGTH = sometimes(words("1A", "2A", "3A", "4A"),
                   words("1P", "1A-1P", "1A+1P", "2A-1P", "1", "0", "2A+1P", "1A-4095"))
DEVICE_OFFSET = sometimes(words("0", "1A", "2A", "3A", "S-1A", "S-2A"),
                          words("S", "S+1A", "1P", "1A+1P", "1", "S-1P"))
PROT = sometimes(words("rw", "r", "-"), words("w", "rx", "rwx"))
MAP_FLAGS = sometimes(words("shared", "validate"),
                      words("private", "validate,sync", "shared,sync", "shared,populate",
                            "shared,noreserve", "shared,hugetlb", "shared,growsdown",
                            "private,populate"))
PLACE = sometimes(st.builds("fixed:{}".format, UNITS),
                  st.one_of(st.just("any"), st.builds("hint:{}".format, UNITS),
                            st.builds("noreplace:{}".format, UNITS),
                            st.builds("fixed:{}+1P".format, UNITS),
                            st.builds("hint:{}+1P".format, UNITS),
                            st.builds("noreplace:{}+1P".format, UNITS),
                            st.builds("fixed:{}+1".format, UNITS)))
REMAP_FLAGS = st.one_of(words("-", "maymove", "maymove,dontunmap"),
                        st.builds("maymove,to:{}".format, UNITS),
                        sometimes(st.builds("maymove,dontunmap,to:{}".format, UNITS),
                                  st.one_of(st.builds("maymove,to:{}+1P".format, UNITS),
                                            st.builds("to:{}".format, UNITS),
                                            st.just("dontunmap"))))
ADVICE = words("dontneed", "normal", "random", "sequential", "nohugepage", "hugepage",
               "dontfork", "dofork", "dontdump", "dodump", "populate_read", "populate_write",
               "willneed", "cold", "pageout", "free", "remove", "mergeable", "unmergeable",
               "wipeonfork", "keeponfork", "dontneed_locked", "collapse")
SYNC = words("-", "async", "sync", "invalidate", "sync,invalidate", "async,sync")
BYTE = sometimes(words("0", "1A", "2A", "3A"),
                 words("1P", "1A-1", "1A+1P", "2A-1P", "5", "-1P", "3A-1"))
VALUE = st.integers(1, 255).map(str)


def operation(name, *args):
    return st.tuples(st.just(name), *args).map(" ".join)


def mapping_in_order(ident):
    """Generate mappings in the order of the device, so that neighbours may merge."""
    return st.builds("map {0} {1} {2} {3} {4} {5}A fixed:{5}A".format, ident, DEVICE,
                     words("1A", "2A", "3A"), PROT, words("shared", "shared,populate"),
                     st.integers(0, 8))


MAP = operation("map", IDENT, DEVICE, LENGTH, PROT, MAP_FLAGS, DEVICE_OFFSET, PLACE)
STORE = operation("store", IDENT, BYTE, VALUE)
LOAD = operation("load", IDENT, BYTE)
OPERATIONS = st.one_of(
    mapping_in_order(IDENT), mapping_in_order(IDENT), MAP, STORE, STORE, LOAD, LOAD,
    operation("unmap", IDENT, OFFSET, LENGTH),
    operation("protect", IDENT, OFFSET, LENGTH, PROT),
    operation("protect", IDENT, OFFSET, LENGTH, PROT),
    operation("remap", IDENT, OFFSET, LENGTH, LENGTH, REMAP_FLAGS, IDENT),
    operation("remap", IDENT, OFFSET, LENGTH, LENGTH, REMAP_FLAGS, IDENT),
    operation("advise", IDENT, OFFSET, LENGTH, ADVICE),
    operation("sync", IDENT, OFFSET, LENGTH, SYNC),
    operation("anon", IDENT, LENGTH, PROT, PLACE),
    operation("open", DEVICE, sometimes(words("rw", "r"), st.just("w"))),
    st.just("layout"))



def beginning(ident):
    return st.one_of(st.just(""), mapping_in_order(st.just(ident)), mapping_in_order(st.just(ident)))


# Several lists joined, since a single one would seldom be long.
SEQUENCE = st.tuples(*(beginning(str(n)).map(lambda m: [m] if m else []) for n in range(4)),
                     *[st.lists(OPERATIONS, max_size=STEPS // 2) for _ in range(4)]).map(
                         lambda lists: sum(lists, []))


class Sequence:
    """A script for replay, and the answers of the model."""

    def __init__(self, aligns, operations, name="it"):
        model = Model([(SIZE, ALIGNS[a]) for a in aligns])
        self.unit = model.unit
        asked = [(line, model.run(line)) for line in [*operations, "layout"]]
        body = [a for a in asked if a[1] is not None]
        # Give every byte that is read a value of its own, and read it again at the end.
        before = [(f"put {dev} {off} {first_byte(dev, off)}", "ok")
                  for dev, off in sorted(model.used)]
        after = [(f"get {dev} {off}",
                  f"0x{model.bytes.get((dev, off), first_byte(dev, off)):02x}")
                 for dev, off in sorted(model.used)]
        self.steps = [*before, *body, *after]
        self.nr_asked = len(body)
        self.name = name
        self.script = "".join(f"{line}\n" for line in [f"begin {name}", *(s[0] for s in self.steps)])
        self.expected = [s[1] for s in self.steps]

    def normal(self, answers):
        answers = answers + ["(nothing)"] * (len(self.expected) - len(answers))
        return [normal(a, e, self.unit) for a, e in zip(answers, self.expected)]

    def differences(self, answers, who):
        """Return: None, or a text that shows where the answers differ from the model's."""
        answers = self.normal(answers)
        if answers == self.expected:
            return None
        first = next(i for i, (a, e) in enumerate(zip(answers, self.expected)) if a != e)
        width = max(len(s[0]) for s in self.steps)
        lines = [f"\n{self.name}: the model and {who} are not of one mind:\n"]
        for (line, expected), answer in zip(self.steps[:first + 1], answers):
            lines.append(f"    {line:{width}}  {expected}" +
                         ("" if answer == expected else f"\n    {who + ':':>{width}}  {answer}"))
        return "\n".join(lines)


def split_answers(output):
    """Return: {sequence name: answers}."""
    out = {}
    for line in output.splitlines():
        if line.startswith("begin "):
            answers = out[line[6:]] = []
        else:
            answers.append(line)
    return out


def corpus(aligns, count, number=1):
    """Return: sequences that depend only on count and number."""
    found = []

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(SEQUENCE)
    def collect(operations):
        found.append(Sequence(aligns, operations, f"{'-'.join(aligns)}/{len(found)}"))

    collect()
    return found


class Ours:
    """replay under the shim, on devices of a daemon."""

    def __init__(self, directory, as_nobody=False):
        self.command = [BUILD / "daxrun", f"--connect={directory}", "-q", "--", BUILD / "replay"]
        if as_nobody and IS_ROOT:
            self.command = [*SETPRIV, *self.command]

    def ask(self, script, devices, door="libc"):
        p = subprocess.run([*self.command, "--through", door, *devices], input=script, text=True,
                           capture_output=True, timeout=300, check=False, env=environment())
        assert p.returncode == 0, p.stderr
        assert not p.stderr, p.stderr
        return split_answers(p.stdout)


@pytest.fixture(scope="session")
def daemons_of_all():
    """One daemon for each pair of aligns, as {pair: runtime directory}."""
    running, out = [], {}
    for pair in PAIRS:
        top = pathlib.Path(tempfile.mkdtemp(prefix="daxd-property-"))
        top.chmod(0o755)
        config = top / "config"
        config.write_text("".join(
            f"[region {n}]\nbacking=memfd\nsize={SIZE}\nalign={align}\n"
            f"[device {n}.0]\nmode=0666\n" for n, align in enumerate(pair)))
        r, w = os.pipe()
        running.append(subprocess.Popen(
            [BUILD / "cuse-daxd", "--kernel=6.12", "--foreground", f"--runtime-dir={top / 'rt'}", f"--config={config}",
             f"--ready-fd={w}"], pass_fds=[w], stdin=subprocess.DEVNULL, env=environment()))
        os.close(w)
        with os.fdopen(r) as ready:
            assert ready.read(), "the daemon did not start"
        out[pair] = top / "rt"
    yield out
    for process in running:
        process.terminate()
        assert process.wait(60) == 0
    for directory in out.values():
        shutil.rmtree(directory.parent)


NAMES = ["/dev/dax0.0", "/dev/dax1.0"]


@pytest.mark.parametrize("door", ["libc", "syscall"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_ours_answers_as_the_model(pair, door, daemons_of_all):
    ours = Ours(daemons_of_all[pair])
    seen = {"steps": 0}

    @settings(max_examples=MORE or 100, deadline=None, derandomize=not MORE, database=None,
              print_blob=False, report_multiple_bugs=False,
              suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(SEQUENCE)
    def run(operations):
        sequence = Sequence(pair, operations)
        seen["steps"] += sequence.nr_asked
        wrong = sequence.differences(ours.ask(sequence.script, NAMES, door)["it"], "ours")
        if wrong:
            raise AssertionError(wrong) from None

    run()
    print(f"{pair}, {door}: {seen['steps']} steps")


COUNT = 150
GUEST_PAIRS = {("2M", "4K"): ["/dev/dax0.0", "/dev/dax1.0"],
               ("2M", "2M"): ["/dev/dax0.0", "/dev/dax2.0"]}


def ask_real(sequences):
    """Run sequences on real devices. Return: {pair: {sequence: answers}}."""
    files, script = {}, ""
    for pair, devices in GUEST_PAIRS.items():
        name = "-".join(pair)
        files[f"/job/{name}"] = "".join(s.script for s in sequences[pair]).encode()
        script += f"replay {' '.join(devices)} </job/{name} || exit 1\n"
    result = Guest("6.12", regions=["32M:2M", "32M:4K", "32M:2M"]).run(
        script, files=files, programs=[str(BUILD / "replay")], timeout=300)
    assert result.status == 0, result.output[-2000:]
    assert not result.oops(), result.oops()
    answers = split_answers(result.output)
    return {pair: {s: answers[s.name] for s in sequences[pair]} for pair in GUEST_PAIRS}


@pytest.mark.guest
def test_real_device_model_and_ours_answer_alike(daemons_of_all):
    """Real devices, the model and the emulator give the same answers (one boot of a kernel)."""
    sequences = {pair: corpus(pair, COUNT, n) for n, pair in enumerate(GUEST_PAIRS)}
    real = ask_real(sequences)
    wrong = []
    for pair in GUEST_PAIRS:
        script = "".join(s.script for s in sequences[pair])
        ours = {user: Ours(daemons_of_all[pair], user == "nobody").ask(script, NAMES)
                for user in (("root", "nobody") if IS_ROOT else ("nobody",))}
        for s in sequences[pair]:
            everybody = {"6.12": real[pair][s],
                         **{f"ours, as {user}": answers[s.name] for user, answers in ours.items()}}
            wrong += [s.differences(answers, who) for who, answers in everybody.items()]
    wrong = [w for w in wrong if w]
    steps = sum(s.nr_asked for pair in GUEST_PAIRS for s in sequences[pair])
    assert steps > 100 * len(GUEST_PAIRS) * len(PAIRS)
    if wrong:
        raise AssertionError(f"{len(wrong)} sequences differ" + "\n".join(sorted(wrong, key=len)[:3])) from None
    print(f"{steps} steps")
