"""Faults, each as a way to run an operation while something breaks, and what must hold afterwards: the program ended in
words or was killed, old files are whole, nothing is half, and the same command works once the fault is over."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

from operations import IN, OUT, signature

# Calls that change names or make a disk remember; after each of them a crash leaves another picture.
NAMES = "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,fsync,fdatasync"
BYTES = "write,pwrite64,writev,pwritev,ftruncate,fallocate"
CALLED = {NAMES: "rename, unlink, mkdir, fsync", BYTES: "write, truncate"}
READS = "read,pread64,readv,preadv"
ADVICE = re.compile(
    r"choose|free |check|try|run |use |save|give|open |close|wait|copy|download|name |set |connect|again|remove|install|move|list",
    re.I)
BUGS = re.compile(r"panicked|fault of its own|RUST_BACKTRACE|unwrap", re.I)
# Longer than the longest of all waits for a silent server together.
PATIENCE_S = 420


class Problem(Exception):
    """What a case found wrong."""


class Ended:
    def __init__(self, code, text, seconds):
        self.code, self.text, self.seconds = code, text, seconds

    def is_killed(self):
        return self.code < 0 or self.code in (128 + signal.SIGKILL, 128 + signal.SIGABRT)


class Case:
    """One operation in a folder of its own."""

    def __init__(self, bench, operation, results, folder, is_old_there=True):
        self.bench, self.operation, self.results, self.folder = bench, operation, results, folder
        self.is_old_there = is_old_there and bool(operation.old)
        self.arguments, self.starts = operation.new, 0
        bench.lay_out(operation, folder, self.is_old_there)

    def start(self, wrapper=(), variables=None, arguments=None):
        arguments = arguments or self.arguments
        command = [*wrapper, *self.bench.command(self.operation, arguments)]
        environment = dict(self.bench.variables(self.operation, arguments), **(variables or {}))
        # To files, not pipes: a child that lives on must not keep the reader waiting.
        self.starts += 1
        self.told = (self.folder / f"told_{self.starts}.txt").open("w+b")
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=self.told,
                                stderr=self.told, start_new_session=True)

    def end(self, process, since):
        try:
            code = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Problem(f"did not end within {PATIENCE_S} s") from None
        self.told.seek(0)
        text = self.told.read().decode(errors="replace")
        self.told.close()
        return Ended(code, text, time.monotonic() - since)

    def run(self, wrapper=(), variables=None, arguments=None):
        since = time.monotonic()
        return self.end(self.start(wrapper, variables, arguments), since)

    # What must hold.

    def states(self):
        """Of each file: `old`, `new` or `absent`. A half file is a problem."""
        states = {}
        for name in [*self.operation.files(), *self.operation.beside]:
            path = self.folder / OUT / name
            if not path.exists():
                states[name] = "absent"
                continue
            try:
                if name in self.operation.beside:
                    found = hashlib.sha256(path.read_bytes()).hexdigest()
                else:
                    found = signature(path)
            except ValueError as error:
                raise Problem(f"{name} is half: {error}") from None
            which = [which for which in ("old", "new") if self.results[which].get(name) == found]
            if not which:
                raise Problem(f"{name} is whole but neither the old nor the new one")
            # Some files are the same in both.
            states[name] = "/".join(which)
        return states

    def check_whole(self):
        states = self.states()
        for name in self.operation.beside:
            if states[name] == "absent":
                raise Problem(f"{name} is gone")
        for group in self.operation.groups:
            main, *others = group
            if self.is_old_there and states[main] == "absent":
                raise Problem(f"{main} is gone: neither the old nor the new one is there")
            for other in others:
                if states[other] != "absent" and not set(states[other].split("/")) & set(states[main].split("/")):
                    raise Problem(f"{main} is {states[main]}, but {other} beside it is {states[other]}")
        return states

    def left_over(self):
        known = {*self.operation.files(), *self.operation.beside, *self.operation.keeps}
        return sorted(set(os.listdir(self.folder / OUT)) - known)

    def check_failed(self, ended, is_untouched=True, has_file=True):
        """Ended in words, and everything as before."""
        if ended.code != 1:
            raise Problem(f"exit code {ended.code} instead of 1: {ended.text[-300:]}")
        self.check_words(ended, has_file)
        states = self.check_whole()
        wanted = "old" if self.is_old_there else "absent"
        if is_untouched and self.operation.files():
            main = self.operation.files()[0]
            if wanted not in states[main].split("/"):
                raise Problem(f"{main} is {states[main]} after a failure")
        for name in self.left_over():
            if name not in self.operation.resumes and name not in ended.text:
                raise Problem(f"{name} is left behind and not named")

    def check_words(self, ended, has_file=True):
        text = ended.text
        if BUGS.search(text):
            raise Problem(f"not in words: {text[-300:]}")
        names = [*self.operation.files(), *self.operation.beside, *self.operation.reads, *self.operation.resumes, OUT,
                 "http://127.0.0.1"]
        names += [Path(name).stem + "." for name in names]
        # What keeps the program from beginning has no file.
        if has_file and not any(name in text for name in names):
            raise Problem(f"the message names no file: {text[-300:]}")
        if not ADVICE.search(text):
            raise Problem(f"the message says not what to do: {text[-300:]}")

    def check_done(self, ended, is_clean=True):
        if ended.code != 0:
            raise Problem(f"exit code {ended.code}: {ended.text[-300:]}")
        states = self.check_whole()
        for name in self.operation.files():
            if "new" not in states[name].split("/"):
                raise Problem(f"{name} is {states[name]} after success")
        if is_clean and self.left_over():
            raise Problem(f"left behind after success: {', '.join(self.left_over())}")

    def check_killed(self):
        """Killed: old or new, never half; what grew beside it may be there."""
        self.check_whole()

    def check_again(self):
        """The same command works now, and takes away what a killed one left."""
        try:
            self.check_done(self.run())
        except Problem as problem:
            raise Problem(f"run again: {problem}") from None


def outcome(ended):
    if ended.code == 0:
        return "done"
    return "killed" if ended.is_killed() else "told"


def judge(case, ended):
    """Any end is fine, as long as what must hold after it holds."""
    if ended.code == 0:
        case.check_done(ended)
    elif ended.is_killed():
        case.check_killed()
    else:
        case.check_failed(ended)
    case.check_again()
    return ended


def some(numbers, most):
    """At most so many of a range of numbers: the first ones, the last ones and steps between."""
    numbers = list(numbers)
    if len(numbers) <= most:
        return numbers
    if most == 1:
        return [numbers[len(numbers) // 2]]
    picked = {round(at * (len(numbers) - 1) / (most - 1)) for at in range(most)}
    return [numbers[at] for at in sorted(picked)]


class Trace:
    """Calls of an undisturbed run that touch the results or one of the inputs, by thread."""

    def __init__(self, make_case, where):
        self.where = where
        case = make_case()
        log = case.folder / "calls.txt"
        ended = case.run(["strace", "-f", "-y", "-qq", "-s", "300", "-o", str(log), "-e", f"trace={NAMES},{BYTES},{READS},openat"])
        if ended.code != 0:
            raise Problem(f"does not run under strace: {ended.text[-300:]}")
        folder = str(case.folder)
        self.paths, self.counts = set(), {}
        for line in log.read_text(errors="replace").splitlines():
            found = [path for path in re.findall(r'[<"]([^<>"]*)[>"]', line) if where in path and len(path) < 300]
            found = [path for path in found if path.startswith((folder, where, "./"))]
            if where != OUT:
                # Side-cars that are looked for are no input.
                found = [path for path in found if path.removesuffix(" (deleted)").endswith(where)]
            if not found:
                continue
            self.paths |= {path.removesuffix(" (deleted)").replace(folder, "{case}") for path in found}
            call = line.split(None, 1)[1].split("(")[0]
            thread = line.split()[0]
            key = (thread, call)
            self.counts[key] = self.counts.get(key, 0) + 1

    def most(self, calls):
        """How often one thread makes these calls."""
        wanted = set(calls.split(","))
        threads = {}
        for (thread, call), count in self.counts.items():
            if call in wanted:
                threads[thread] = threads.get(thread, 0) + count
        return max(threads.values(), default=0)

    def wrapper(self, case, calls, what):
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
        paths = set(self.paths)
        if self.where == OUT:
            # What only a run that fails writes: it asks whether the disk takes anything.
            probes = {f"{OUT}/{name}.probe.part" for name in case.operation.files()}
            paths |= probes | {f"{{case}}/{probe}" for probe in probes}
        for path in sorted(paths):
            command += ["-P", path.replace("{case}", str(case.folder))]
        return command


# Every fault: yields what is tried and a function that tries it and returns how it ended. `make` makes a fresh case,
# `effort` says how many of so many tries are worth it.


def crash(make, effort):
    """Killed at each call that changes a name or flushes, and at some of those that write bytes."""
    trace = Trace(make, OUT)

    def attempt(calls, number):
        case = make()
        return judge(case, case.run(trace.wrapper(case, calls, f"signal=KILL:when={number}")))

    for calls, most in ((NAMES, effort(40)), (BYTES, effort(10))):
        for number in some(range(1, trace.most(calls) + 1), most):
            yield f"killed at call {number} of {CALLED[calls]}", partial(attempt, calls, number)


def broken_disk(make, effort):
    """From one call on, everything that writes fails: the disk was unplugged or is broken."""
    trace = Trace(make, OUT)

    def attempt(calls, number):
        case = make()
        return judge_broken(case, case.run(trace.wrapper(case, calls, f"error=EIO:when={number}+")))

    for calls, most in ((NAMES, effort(12)), (BYTES, effort(8))):
        for number in some(range(1, trace.most(calls) + 1), most):
            yield f"EIO from call {number} of {CALLED[calls]}", partial(attempt, calls, number)


def judge_broken(case, ended):
    """Nothing can be removed from a broken disk either: what is left is not judged, the old files and the next run are."""
    if ended.code == 0:
        # A file that could not be removed is no failure.
        case.check_done(ended, is_clean=False)
    elif ended.code != 1:
        raise Problem(f"exit code {ended.code} instead of 1: {ended.text[-300:]}")
    else:
        case.check_words(ended)
        case.check_whole()
    case.check_again()
    return ended


class Skip(Exception):
    """What this machine cannot do."""


class SmallDisk:
    """A small file system where the results go."""

    def __init__(self, case):
        self.case, self.disk = case, case.folder / "disk"

    def __enter__(self):
        keep = self.case.folder / "kept"
        shutil.move(self.disk / "out", keep)
        if quiet(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.disk)]):
            raise Skip("no file system can be mounted here")
        shutil.copytree(keep, self.disk / "out")
        return self

    def __exit__(self, *_):
        quiet(["umount", "-l", str(self.disk)])

    def leave_room(self, kib):
        about = os.statvfs(self.disk)
        taken = about.f_bavail * about.f_bsize - kib * 1024
        with (self.disk / "filler").open("wb") as filler:
            filler.write(bytes(max(0, taken)))

    def empty(self):
        (self.disk / "filler").unlink()

    def remount(self, how):
        if quiet(["mount", "-o", f"remount,{how}", str(self.disk)]):
            raise Skip("a file system cannot be mounted again here")


def quiet(command):
    return subprocess.run(command, capture_output=True, check=False).returncode


def full_disk(make, effort):
    """A disk with so much room left, doubled until it is enough."""
    enough = []

    def attempt(room_kib):
        case = make()
        with SmallDisk(case) as disk:
            disk.leave_room(room_kib)
            ended = case.run()
            if ended.code == 0:
                enough.append(room_kib)
                case.check_done(ended)
            else:
                case.check_failed(ended)
                if "full" not in ended.text:
                    raise Problem(f"the message says nothing of a full disk: {ended.text[-300:]}")
            disk.empty()
            case.check_again()
        return ended

    for room_kib in some([0, *(4 << power for power in range(14))], effort(15)):
        if not enough:
            yield f"{room_kib} KiB left", partial(attempt, room_kib)


def read_only(make, _effort):
    """The folder of the results lies on a disk mounted read-only."""

    def attempt(is_old_there):
        case = make(is_old_there)
        with SmallDisk(case) as disk:
            disk.remount("ro")
            ended = case.run()
            case.check_failed(ended)
            disk.remount("rw")
            case.check_again()
        return ended

    for is_old_there in (True, False):
        yield "mounted read-only", partial(attempt, is_old_there)


# Root without the right to pass by permissions.
PLAIN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def no_permission(make, _effort):
    """The folder may not be written; the old file is write-protected; an input may not be read."""

    def attempt(path, mode, usual):
        case = make()
        (case.folder / path).chmod(mode)
        ended = case.run(PLAIN if os.geteuid() == 0 else ())
        (case.folder / path).chmod(usual)
        case.check_failed(ended)
        case.check_again()
        return ended

    case = make()
    yield "folder may not be written", partial(attempt, OUT, 0o555, 0o755)
    if case.is_old_there:
        yield "old file write-protected", partial(attempt, f"{OUT}/{case.operation.files()[0]}", 0o444, 0o644)
    for name in case.operation.reads:
        yield f"{name} may not be read", partial(attempt, f"{IN}/{name}", 0, 0o644)


def broken_reads(make, effort):
    """From one call on, reads of an input fail, as on a damaged disk or a share that is gone."""

    def attempt(trace, error, number):
        case = make()
        return judge(case, case.run(trace.wrapper(case, READS, f"error={error}:when={number}+")))

    for name in make().operation.reads:
        trace = Trace(make, f"{IN}/{name}")
        for error in ("EIO", "ESTALE"):
            for number in some(range(1, trace.most(READS) + 1), effort(6)):
                yield f"{name}: {error} from read {number}", partial(attempt, trace, error, number)


def slow_share(make, effort):
    """Reads of an input hang for two seconds, some of them, and come in the end."""

    def attempt(trace, number):
        case = make()
        ended = case.run(trace.wrapper(case, READS, f"delay_enter=2000000:when={number}"))
        case.check_done(ended)
        return ended

    for name in make().operation.reads:
        trace = Trace(make, f"{IN}/{name}")
        for number in some(range(1, trace.most(READS) + 1), effort(2)):
            yield f"{name}: read {number} takes 2 s", partial(attempt, trace, number)


def changed_input(make, effort):
    """An input is taken away, cut, emptied, overwritten or replaced just after it was opened."""

    def attempt(trace, name, change, number):
        case = make()
        path = case.folder / IN / name
        whole, stat = path.read_bytes(), path.stat()
        since = time.monotonic()
        process = case.start(trace.wrapper(case, "openat", f"delay_exit=600000:when={number}"))
        if meet(process, path):
            change(path)
        ended = case.end(process, since)
        judge_changed(case, ended)
        # The input as it was, for the run after it.
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        case.check_again()
        return ended

    for name in make().operation.reads:
        trace = Trace(make, f"{IN}/{name}")
        for what, change in CHANGES.items():
            for number in some(range(1, trace.most("openat") + 1), effort(3)):
                yield f"{name} {what} at open {number}", partial(attempt, trace, name, change, number)


def judge_changed(case, ended):
    """Either it is told, or the work was done on what was read; then the result is whole, though of other contents."""
    if ended.code == 0:
        for name in case.operation.files():
            path = case.folder / OUT / name
            try:
                if path.exists():
                    signature(path)
            except ValueError as error:
                raise Problem(f"{name} is half: {error}") from None
        if case.left_over():
            raise Problem(f"left behind after success: {', '.join(case.left_over())}")
    elif ended.code != 1:
        raise Problem(f"exit code {ended.code}: {ended.text[-300:]}")
    else:
        case.check_failed(ended)


def meet(process, path):
    """Waits until the process holds the file open for a while, as the call that is held up does; False if it never does."""
    deadline, since = time.monotonic() + 60, None
    while time.monotonic() < deadline and process.poll() is None:
        if path.name not in opened(process.pid):
            since = None
        elif since is None:
            since = time.monotonic()
        elif time.monotonic() - since > 0.2:
            return True
        time.sleep(0.005)
    return False


def opened(pid):
    """Names of files a process and its children hold open."""
    names, todo = set(), [pid]
    while todo:
        one = todo.pop()
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                todo += [int(child) for child in Path(f"/proc/{one}/task/{task}/children").read_text().split()]
            for handle in os.listdir(f"/proc/{one}/fd"):
                names.add(os.path.basename(os.readlink(f"/proc/{one}/fd/{handle}")))
        except OSError:
            continue
    return names


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path):
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))


def replace(path):
    other = path.with_name("other")
    other.write_bytes(b"something else entirely " * 400)
    other.replace(path)


CHANGES = {
    "removed": Path.unlink,
    "cut to half": truncate,
    "emptied": lambda path: os.truncate(path, 0),
    "overwritten with zeros": overwrite,
    "replaced by another file": replace,
}


def little_memory(make, effort):
    """Less and less memory that may be asked for (`ulimit -v`): first what is just enough is sought, then less than that."""
    bounds = [32, 4096]

    def attempt(mib):
        case = make()
        ended = case.run(["prlimit", f"--as={mib << 20}"])
        if ended.code == 0:
            bounds[1] = min(bounds[1], mib)
            if "memory" in ended.text:
                # A report says what it had to leave out.
                judge_changed(case, ended)
            else:
                case.check_done(ended)
        else:
            bounds[0] = max(bounds[0], mib)
            judge_starved(case, ended)
        case.check_again()
        return ended

    for _ in range(9):
        mib = sum(bounds) // 2
        yield f"{mib} MiB", partial(attempt, mib)
        if bounds[1] - bounds[0] <= 16:
            break
    enough = bounds[1]
    for share in some((0.98, 0.96, 0.93, 0.9, 0.86, 0.82, 0.75, 0.68, 0.6), effort(9)):
        yield f"{enough * share:.0f} MiB", partial(attempt, int(enough * share))


def judge_starved(case, ended):
    """No memory: told, or ended by the allocator, by a library or by the system's loader."""
    if ended.code == 1:
        case.check_failed(ended, has_file=False)
        if "memory" not in ended.text:
            raise Problem(f"the message says nothing of memory: {ended.text[-300:]}")
    elif ended.code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL):
        case.check_killed()
    elif "shared libraries" not in ended.text:
        raise Problem(f"ended without a word of memory, code {ended.code}: {ended.text[-300:]}")


def memory_group(make, effort):
    """A control group with so much memory: the kernel kills what asks for more."""
    root = Path("/sys/fs/cgroup/memory")
    if not (root / "memory.limit_in_bytes").exists():
        raise Skip("no memory control group here")

    def attempt(mib):
        case = make()
        group = root / f"terroir-faults-{os.getpid()}-{threading.get_ident()}"
        try:
            group.mkdir()
            (group / "memory.limit_in_bytes").write_text(str(mib << 20))
        except OSError as error:
            raise Skip(f"no memory control group can be made here: {error}") from None
        try:
            ended = case.run(["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"])
        finally:
            for _ in range(100):
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)
        return judge(case, ended)

    for mib in some((200, 120, 80, 60, 40, 20), effort(6)):
        yield f"{mib} MiB", partial(attempt, mib)


def two_at_once(make, effort):
    """The same command twice, and two different ones, on the same files, begun a moment apart."""

    def attempt(is_same, wait_ms):
        case = make(False)
        arguments = case.operation.new if is_same or not case.operation.old else case.operation.old
        since = time.monotonic()
        first = case.start()
        told = case.told
        time.sleep(wait_ms / 1000)
        second = case.start(arguments=arguments)
        ends = [case.end(second, since)]
        case.told = told
        ends.append(case.end(first, since))
        for one in ends:
            if one.code not in (0, 1):
                raise Problem(f"exit code {one.code}: {one.text[-300:]}")
            if one.code == 1:
                case.check_words(one)
        if all(one.code == 1 for one in ends):
            raise Problem(f"both failed: {ends[0].text[-200:]} / {ends[1].text[-200:]}")
        case.check_whole()
        if case.left_over():
            raise Problem(f"left behind: {', '.join(case.left_over())}")
        case.check_again()
        return max(ends, key=lambda one: one.code)

    for is_same in (True, False):
        for wait_ms in some((0, 40, 90, 150, 250, 400, 700, 1200), effort(8)):
            yield f"{'same' if is_same else 'different'}, {wait_ms} ms apart", partial(attempt, is_same, wait_ms)


def asked_to_end(make, effort):
    """Ctrl+C, a polite end, and a terminal that closes, at some moments."""
    whole_s = make().run().seconds

    def attempt(name, share):
        case = make()
        since = time.monotonic()
        process = case.start()
        time.sleep(whole_s * share)
        process.send_signal(getattr(signal, name))
        ended = case.end(process, since)
        if ended.code == 0:
            case.check_done(ended)
        elif ended.code == 1:
            case.check_whole()
            left = [left for left in case.left_over() if left not in case.operation.resumes]
            if left:
                raise Problem(f"left behind after {name}: {', '.join(left)}")
        elif ended.code == -getattr(signal, name):
            case.check_killed()
        else:
            raise Problem(f"exit code {ended.code} after {name}: {ended.text[-200:]}")
        case.check_again()
        return ended

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        for share in some((0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95), effort(7)):
            yield f"{name} after {share:.0%}", partial(attempt, name, share)


def suspended(make, effort):
    """The program is stopped for three seconds at some moments, as by a laptop that is closed, and goes on."""
    whole_s = make().run().seconds

    def attempt(share):
        case = make()
        since = time.monotonic()
        process = case.start()
        time.sleep(whole_s * share)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)
        ended = case.end(process, since)
        case.check_done(ended)
        return ended

    for share in some((0.05, 0.2, 0.4, 0.6, 0.75, 0.9), effort(6)):
        yield f"stopped after {share:.0%}", partial(attempt, share)


def on_device(arguments, name):
    """The arguments with another device than the processor."""
    at = arguments.index("--device") + 1
    return [*arguments[:at], name, *arguments[at + 1 :]]


SOFTWARE = "llvmpipe"


class Driver:
    """Vulkan drivers that break, in files of their own."""

    def __init__(self, folder):
        real = next(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json"), None)
        compiler = shutil.which("cc")
        if not real or not compiler:
            raise Skip("no software rasteriser, or no C compiler to break it with")
        library = json.loads(real.read_text())["ICD"]["library_path"]
        folder.mkdir(parents=True, exist_ok=True)
        broken = folder / "liblost.so"
        if quiet([compiler, "-O1", "-shared", "-fPIC", "-o", str(broken), str(Path(__file__).parent / "lost_device.c"), "-ldl"]):
            raise Skip("the driver that breaks cannot be compiled")
        self.file = folder / "lost.json"
        self.file.write_text(json.dumps({"file_format_version": "1.0.0",
                                         "ICD": {"library_path": str(broken), "api_version": "1.1.230"}}))
        self.garbage = folder / "garbage.json"
        (folder / "libgarbage.so").write_bytes(b"no library")
        self.garbage.write_text(json.dumps({"file_format_version": "1.0.0",
                                            "ICD": {"library_path": str(folder / "libgarbage.so"), "api_version": "1.1.230"}}))
        self.variables = {"VK_DRIVER_FILES": str(self.file), "VK_ICD_FILENAMES": str(self.file), "LOST_DRIVER": library}


def no_graphics(make, _effort):
    """There is no graphics driver, its library is broken, or it makes no device; the device is asked for by name or is left to choice."""
    case = make()
    if "--device" not in case.operation.new:
        return
    driver = Driver(case.bench.work / "driver")
    none, garbage = ({"VK_DRIVER_FILES": file, "VK_ICD_FILENAMES": file} for file in ("/nonexistent.json", str(driver.garbage)))

    def attempt(variables, device, words):
        case = make()
        ended = case.run(variables=variables, arguments=on_device(case.operation.new, device))
        case.check_done(ended)
        if words and not (words in ended.text and "runs on the CPU" in ended.text):
            raise Problem(f"nothing is said of the missing device: {ended.text[-300:]}")
        return ended

    for device, words in (("auto", ""), ("GeForce 9999", "GeForce 9999")):
        yield f"no driver, {device}", partial(attempt, none, device, words)
        yield f"broken library, {device}", partial(attempt, garbage, device, words)
    yield "no device made", partial(attempt, {**driver.variables, "LOST_AT": "0"}, SOFTWARE, "cannot be used")


def lost_graphics(make, effort):
    """The graphics device is lost at the n-th piece of work, as when a driver crashes or a card is unplugged."""
    case = make()
    if "--device" not in case.operation.new:
        return
    driver = Driver(case.bench.work / "driver")

    def attempt(number):
        case = make()
        ended = case.run(variables={**driver.variables, "LOST_AT": str(number)},
                         arguments=on_device(case.operation.new, SOFTWARE))
        if ended.code == 0:
            case.check_done(ended)
            if "CPU" not in ended.text:
                raise Problem(f"nothing is said of the lost device: {ended.text[-300:]}")
        else:
            case.check_failed(ended)
            if "lost" not in ended.text:
                raise Problem(f"the message says nothing of a lost device: {ended.text[-300:]}")
        case.check_again()
        return ended

    for number in some((1, 2, 3, 5, 8, 13, 30, 80), effort(8)):
        yield f"lost at work {number}", partial(attempt, number)


def wrong_clock(make, _effort):
    """The clock stands in 1975 or 2090, or jumps while the work runs; inputs come from the future or from before 1970."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

    def attempt_at(moment):
        case = make()
        ended = case.run(variables={"LD_PRELOAD": str(library), "FAKETIME": moment, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        case.check_done(ended)
        case.check_again()
        return ended

    def attempt_jumping():
        case = make()
        moment = case.folder / "moment"
        moment.write_text("+0")
        since, shift = time.monotonic(), 86400 * 400
        process = case.start(variables={"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(moment),
                                        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        while process.poll() is None and time.monotonic() < since + PATIENCE_S:
            shift = -shift
            moment.write_text(f"{shift:+d}")
            time.sleep(0.03)
        ended = case.end(process, since)
        case.check_done(ended)
        return ended

    def attempt_inputs(stamp):
        case = make()
        for name in os.listdir(case.folder / IN):
            os.utime(case.folder / IN / name, (stamp, stamp))
        ended = case.run()
        case.check_done(ended)
        case.check_again()
        return ended

    if library:
        for moment in ("1975-01-01 00:00:00", "2090-06-01 12:00:00"):
            yield f"clock at {moment[:4]}", partial(attempt_at, moment)
        yield "clock jumps by 800 days every 30 ms", attempt_jumping
    for words, stamp in (("from 2090", 3_800_000_000), ("from before 1970", -86400 * 365)):
        yield f"inputs {words}", partial(attempt_inputs, stamp)


def in_the_way(make, _effort):
    """A folder of the name of the result stands there, and the folder of the result does not."""

    def attempt_folder():
        case = make(False)
        main = case.folder / OUT / case.operation.files()[0]
        main.mkdir()
        ended = case.run()
        if ended.code != 1:
            raise Problem(f"exit code {ended.code}: {ended.text[-300:]}")
        case.check_words(ended)
        main.rmdir()
        if [left for left in case.left_over() if left not in case.operation.resumes]:
            raise Problem(f"left behind: {', '.join(case.left_over())}")
        case.check_again()
        return ended

    def attempt_none():
        case = make(False)
        shutil.rmtree(case.folder / "disk")
        ended = case.run()
        if ended.code == 1:
            case.check_words(ended)
        elif ended.code != 0:
            raise Problem(f"exit code {ended.code}: {ended.text[-300:]}")
        (case.folder / OUT).mkdir(parents=True, exist_ok=True)
        case.check_again()
        return ended

    operation = make().operation
    # Downloads take another name then.
    if not operation.is_download:
        yield "a folder of its name", attempt_folder
    if not operation.beside:
        yield "no such folder", attempt_none


def broken_server(make, _effort):
    """The server stalls, hangs up, fails, sends a page or zeros, then works again."""
    served = make().operation.served
    if not served:
        return

    def attempt(mood):
        case = make()
        case.arguments = [argument.replace("{hub}/", f"{{hub}}/{mood}/") for argument in served]
        ended = case.run()
        if ended.code == 0:
            case.check_done(ended)
        else:
            case.check_failed(ended)
        if ended.code != 0 or not case.operation.is_download:
            case.arguments = served
            case.check_done(case.run())
        return ended

    for mood in ("stalls", "hangs-up", "fails", "forbids", "pages", "lies", "slow"):
        yield mood.replace("-", " "), partial(attempt, mood)


FAULTS = {
    "disk full": full_disk,
    "disk read-only": read_only,
    "no permission": no_permission,
    "disk breaks while writing": broken_disk,
    "crash between two writes": crash,
    "input cannot be read on": broken_reads,
    "share stalls and comes back": slow_share,
    "server breaks": broken_server,
    "input changed while read": changed_input,
    "little memory (ulimit)": little_memory,
    "out of memory (control group)": memory_group,
    "two at once": two_at_once,
    "asked to end": asked_to_end,
    "stopped for a while": suspended,
    "no graphics device": no_graphics,
    "graphics device lost": lost_graphics,
    "clock wrong or jumping": wrong_clock,
    "something in the way": in_the_way,
}
