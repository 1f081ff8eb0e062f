# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Whether check_vmlinux sees what is wrong: the object of drift.bpf.c against kernels made for it."""

import glob
import gzip
import lzma
import os
import random
import re
import shlex
import struct
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../../.output/btf")
TOOL = os.path.join(OUT, "check_vmlinux-asan")
CLANG = os.environ.get("CLANG", "clang")
BPFTOOL = os.environ.get("BPFTOOL") or "/usr/sbin/bpftool"
OBJECT = os.environ.get("TCPWATCH_OBJECT", os.path.join(OUT, "../tcpwatch.bpf.linked.o"))
RUNNING = "/sys/kernel/btf/vmlinux"

KERNEL = """
typedef unsigned char u8; typedef unsigned int u32; typedef unsigned long long u64;
struct other { u64 lock; u32 mark; };
struct point { u32 x; };
struct thing {
	u64 lock;
	u32 count;
	int error;
	u8 pad : 3;
	u8 bit : 1;
	u8 state;
	struct other *other;
	struct point points[4];
	char name[16];
	union { u32 inner; u32 outer; };
	struct point at;
	u32 newer;
};
struct bpf_iter__things { struct thing *thing; };
enum color { COLOR_RED = 3, COLOR_BLUE = 7 };
struct { struct other a; struct thing b; struct bpf_iter__things c; enum color d; } all;
typedef void (*btf_trace_thing_event)(void *, struct thing *, int);
btf_trace_thing_event trace;
int thing_open(struct thing *thing) { return 0; }
int thing_close(struct thing *thing, int how) { return 0; }
int bpf_iter_things(struct bpf_iter__things *ctx) { return 0; }
"""
CHECKS = 19
# What a newer kernel's tracepoint shows, and its program gets.
WHY = [("{ struct thing *thing; };", "{ struct thing *thing; };"
        "struct trace_event_raw_thing_event { int why; };"),
       ("struct bpf_iter__things c;", "struct bpf_iter__things c; "
        "struct trace_event_raw_thing_event e;")]


def compile_bpf(source, target, *flags):
    subprocess.run([*shlex.split(CLANG), "-g", "-O2", "-target", "bpf", *flags, "-c", source,
                    "-o", target], check=True)
    return str(target)


@pytest.fixture(scope="session", name="drift")
def drift_object(tmp_path_factory):
    vmlinux_h = os.path.join(HERE, "../../vmlinux/vmlinux.h")
    return compile_bpf(os.path.join(HERE, "drift.bpf.c"),
                       tmp_path_factory.mktemp("object") / "drift.o",
                       "-D__TARGET_ARCH_x86", "-include", vmlinux_h)


@pytest.fixture(name="make_kernel")
def kernel_maker(tmp_path):
    def make(name="doctored", *changes):
        source = KERNEL
        for old, new in changes:
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        path = tmp_path / f"{name}.c"
        path.write_text(source)
        return compile_bpf(path, tmp_path / f"vmlinux-{name}")
    return make


def check(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode in (0, 1, 2), done.stderr
    assert "Sanitizer" not in done.stderr, done.stderr
    assert "runtime error" not in done.stderr, done.stderr
    return done


def complaints(done):
    return [line for line in done.stdout.splitlines() if line.startswith(("error: ", "warning: "))]


def last_line(done):
    return done.stdout.splitlines()[-1]


def test_whole_kernel_passes(drift, make_kernel):
    done = check(drift, make_kernel())
    assert (done.returncode, complaints(done)) == (0, [])
    assert last_line(done) == f"{CHECKS} passed, 0 failed"
    assert re.search(r"^struct thing\.count +u32 +8$", done.stdout, re.M)
    assert re.search(r"^struct thing\.bit +u8:1 +16\.3$", done.stdout, re.M)
    assert re.search(r"^struct thing___old\.older +u32 +absent$", done.stdout, re.M)
    assert re.search(r"^enum color COLOR_BLUE +value +7$", done.stdout, re.M)


ERRORS = {
    "no field": [("u32 count;", ""), "struct thing.count is absent (in ",],
    "no field in a union": [("u32 inner; ", ""), "struct thing.inner is absent (in on_event)"],
    "no type": [("struct other { u64 lock; u32 mark; };", "struct other;"),
                ("struct other a; ", ""),
                "struct other.mark is absent, and so is its type (in on_event)"],
    "a field became a pointer": [("u32 count;", "u32 *count;"),
                                 "struct thing.count is on the way another kind of type: u32 *"],
    "a struct became a pointer": [("struct point at;", "struct point *at;"),
                                  "struct thing.at.x is on the way another kind of type: "
                                  "struct point *"],
    "another pointer": [("struct other *other;", "struct point *other;"),
                        "struct thing.other is struct point *, read as struct other *"],
    "a wider signed field": [("int error;", "long long error;"),
                             "struct thing.error has 8 bytes, read as 4"],
    "a bitfield": [("u8 state;", "u8 state : 4;"),
                   "struct thing.state is a bitfield, read as a whole"],
    "longer elements": [("struct point { u32 x; };", "struct point { u32 x, y; };"),
                        "struct thing.points has elements of 8 bytes, read as 4"],
    "a shorter array": [("struct point points[4];", "struct point points[2];"),
                        "struct thing.points has only 8 bytes, read as 16"],
    "neither the newer nor the older": [("u32 newer;", ""),
                                        "struct thing___old.older is absent (in on_event)"],
    "two types of that name": [("struct point { u32 x; };", "struct point { u32 x; };"
                                "struct other___new { u32 mark; } new;"),
                               "struct other.mark is not the same in all types of that name"],
    "no enumerator": [(", COLOR_BLUE = 7", ""), "enum color COLOR_BLUE is absent (in on_event)"],
    "no tracepoint": [("btf_trace_thing_event)", "btf_trace_thing_happened)"),
                      ("btf_trace_thing_event trace", "btf_trace_thing_happened trace"),
                      "tp_btf/thing_event is absent: the kernel has no typedef "
                      "btf_trace_thing_event (on_event)"],
    "no function": [("thing_open", "thing_start"),
                    "fentry/thing_open is absent: the kernel has no function thing_open (on_open)"],
    "no iterator": [("bpf_iter_things", "bpf_iter_objects"),
                    "iter/things is absent: the kernel has no function bpf_iter_things"],
    "too few arguments": [("(void *, struct thing *, int)", "(void *, struct thing *)"),
                          "tp_btf/thing_event has 1 argument, the program takes 2 (on_event)"],
    "an argument that only its field has": [
        *WHY, "tp_btf/thing_event has 2 arguments, the program takes 3 (on_event)"],
    "another argument": [("thing_open(struct thing *thing)", "thing_open(struct other *thing)"),
                         "fentry/thing_open argument 1 is struct other *, read as struct thing *"],
}


@pytest.mark.parametrize("case", ERRORS)
def test_error(case, drift, make_kernel):
    *changes, wanted = ERRORS[case]
    done = check(drift, make_kernel("doctored", *changes))
    assert any(line.startswith(f"error: doctored: {wanted}") for line in complaints(done)), \
        done.stdout
    assert len(complaints(done)) == 1
    assert done.returncode == 1
    assert last_line(done) == f"{CHECKS - 1} passed, 1 failed"


WARNINGS = {
    "a wider field": [("u32 count;", "u64 count;"),
                      "struct thing.count has 8 bytes, read as 4: libbpf adjusts it"],
    "another sign": [("int error;", "u32 error;"), "struct thing.error read with the other sign"],
}


@pytest.mark.parametrize("case", WARNINGS)
def test_warning(case, drift, make_kernel):
    *changes, wanted = WARNINGS[case]
    done = check(drift, make_kernel("doctored", *changes))
    assert [line.startswith(f"warning: doctored: {wanted}") for line in complaints(done)] == [True]
    assert done.returncode == 0
    assert last_line(done) == f"{CHECKS} passed, 0 failed"


FINE = {
    "an older kernel": [("u32 newer;", "u32 older;")],
    "one argument more": [*WHY, ("thing *, int)", "thing *, int, int)")],
    "both": [("u32 newer;", "u32 newer; u32 older;")],
    "a bitfield became a whole": [("u8 bit : 1;", "u8 bit;")],
    "a wider bitfield": [("u8 bit : 1;", "u8 bit : 2;")],
    "an array without an end": [("u32 newer;", "u32 newer; struct point points[];"),
                                ("struct point points[4];", "")],
    "another number": [("COLOR_BLUE = 7", "COLOR_BLUE = 1 << 20")],
    "an enum of 64 bits": [("COLOR_BLUE = 7", "COLOR_BLUE = 7, COLOR_LAST = 1ULL << 40")],
    "behind a typedef": [("u32 count;", "volatile count_t count;"),
                         ("struct thing {", "typedef const u32 count_t; struct thing {")],
}


@pytest.mark.parametrize("case", FINE)
def test_fine(case, drift, make_kernel):
    done = check(drift, make_kernel("doctored", *FINE[case]))
    assert (done.returncode, complaints(done)) == (0, [])


def test_optional_program(drift, make_kernel):
    kernel = make_kernel("doctored", ("thing_open", "thing_start"))
    assert check(drift, kernel).returncode == 1
    done = check("--optional=on_open", drift, kernel)
    assert (done.returncode, complaints(done)) == (0, [])
    assert re.search(r"^fentry/thing_open +on_open, optional +absent$", done.stdout, re.M)


def test_one_more_argument_before_a_result(drift, make_kernel):
    """Alone it cannot be told from an argument; next to another kernel it can."""
    more = make_kernel("more", ("int how)", "int how, int why)"))
    done = check(drift, more, make_kernel("plain"))
    assert complaints(done) == ["error: more: fexit/thing_close has 3 arguments, the program takes "
                                "2 and the result (on_close)"]


def test_kernels_side_by_side(drift, make_kernel):
    done = check(drift, make_kernel("plain"), make_kernel("wide", ("u64 lock;\n", "u64 lock[2];\n")))
    assert done.returncode == 0
    assert re.search(r"^FIELD +READ AS +plain +wide$", done.stdout, re.M)
    assert re.search(r"^struct thing\.count +u32 +8 +16$", done.stdout, re.M)
    assert last_line(done) == f"{2 * CHECKS} passed, 0 failed"


def header_of(text, tmp_path):
    (tmp_path / "vmlinux.h").write_text(text)
    source = subprocess.run(["awk", "-f", os.path.join(HERE, "header-source.awk"),
                             tmp_path / "vmlinux.h"], check=True, stdout=subprocess.PIPE).stdout
    (tmp_path / "header.c").write_bytes(source)
    return compile_bpf(tmp_path / "header.c", tmp_path / "header.o")


HEADER = """
enum {
	NUMBER_ONE = 1,
};
struct layout {
	int a;
	int b;
};
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct point {
	unsigned int x;
	unsigned int y;
};
typedef struct {
	int never;
} lone_t;
#pragma clang attribute pop
"""
ABI = ("struct { struct other a;",
       "enum { NUMBER_ONE = 1 } one; struct layout { int a, b; } layout; struct { struct other a;")


def test_header(drift, make_kernel, tmp_path):
    header = header_of(HEADER, tmp_path)
    done = check(f"--header={header}", drift, make_kernel("plain", ABI))
    assert (done.returncode, complaints(done)) == (0, [])
    untouched = done.stdout.split("not touched:\n")[1].split("\n\n")[0].split()
    assert untouched == ["struct", "point.y", "lone_t.never"]
    for change, wanted in (
            (("NUMBER_ONE = 1 }", "NUMBER_ONE = 2 }"),
             "error: doctored: NUMBER_ONE, compiled in as 1, has another value"),
            (("NUMBER_ONE = 1 }", "NUMBER_TWO = 1 }"),
             "error: doctored: NUMBER_ONE, compiled in as 1, is absent"),
            (("int a, b;", "int b, a;"),
             "error: doctored: struct layout.b is not where it is compiled in")):
        done = check(f"--header={header}", drift, make_kernel("doctored", ABI, change))
        assert (done.returncode, complaints(done)) == (1, [wanted])


def libbpf_offsets(kernel):
    """What libbpf itself finds, as bpftool tells while it makes a small BTF."""
    done = subprocess.run([BPFTOOL, "-d", "gen", "min_core_btf", kernel, "/dev/null", OBJECT],
                          text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = re.findall(r"relo #\d+: matching candidate #0 <byte_off> \[\d+\] (\S+ \S+) "
                       r"\([\d:]+ @ offset ([\d.]+)\)", done.stdout)
    return {re.sub(r"___[a-z0-9_]+", "", name): offset for name, offset in found}


def test_agrees_with_libbpf():
    theirs = libbpf_offsets(RUNNING)
    assert len(theirs) > 40
    ours = {}
    for line in check(OBJECT, RUNNING).stdout.split("\n\n")[0].splitlines()[1:]:
        what, offset = re.match(r"(\S+ \S+) +.*?  +([\d.]+|absent|is \w+)\b", line).groups()
        # libbpf leaves out the number of a bit that is the first of its byte.
        ours[re.sub(r"___[a-z0-9_]+", "", what)] = offset.removesuffix(".0")
    assert {name: ours.get(name) for name in theirs} == theirs


RENAMED = {
    "inet_sport": "struct tcp_sock.inet_conn.icsk_inet.inet_sport is absent (in ",
    "SOCK_LINGER": "enum sock_flags SOCK_LINGER is absent (in ",
    "btf_trace_inet_sock_set_state": "tp_btf/inet_sock_set_state is absent: ",
    "bpf_iter__tcp": "iter/tcp has no struct bpf_iter__tcp (scan_tcp)",
}


@pytest.mark.parametrize("name", RENAMED)
def test_real_object(name, tmp_path):
    """The running kernel, but for one name."""
    with open(RUNNING, "rb") as file:
        btf = file.read()
    old = b"\0" + name.encode() + b"\0"
    assert btf.count(old) == 1
    renamed = tmp_path / "btf-renamed"
    renamed.write_bytes(btf.replace(old, old[:-2] + b"_\0"))
    done = check(OBJECT, renamed)
    assert any(line.startswith(f"error: renamed: {RENAMED[name]}") for line in complaints(done)), \
        done.stdout
    assert done.returncode == 1


def raw_btf(elf, tmp_path):
    raw = tmp_path / "btf-raw"
    subprocess.run(["llvm-objcopy", f"--dump-section=.BTF={raw}", elf, "/dev/null"], check=True)
    return raw


def test_raw_btf(drift, make_kernel, tmp_path):
    done = check(drift, raw_btf(make_kernel(), tmp_path))
    assert done.returncode == 0
    assert re.search(r"^FIELD +READ AS +raw$", done.stdout, re.M)


def test_not_a_btf(drift, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("struct sock {};\n")
    for path in (tmp_path / "empty", tmp_path / "text", tmp_path / "missing", tmp_path,
                 "/bin/true"):
        done = check(drift, path)
        assert done.returncode == 2
        assert str(path) in done.stderr
    assert check(tmp_path / "text", RUNNING).returncode == 2
    assert check("/bin/true", RUNNING).returncode == 2
    assert check(drift).returncode == 2


def test_truncated(drift, make_kernel, tmp_path):
    """Wherever it ends: a message or, where only what is not needed is gone, a judgement."""
    elf = make_kernel()
    raw = raw_btf(elf, tmp_path)
    for path, step in ((raw, 61), (elf, 173), (drift, 997)):
        with open(path, "rb") as file:
            data = file.read()
        cut = tmp_path / "vmlinux-cut"
        for length in range(0, len(data), step):
            cut.write_bytes(data[:length])
            done = check(cut, elf) if path == drift else check(drift, cut)
            assert done.returncode == 2 and "vmlinux-cut" in done.stderr, (path, length)


def test_damaged(drift, make_kernel, tmp_path):
    """Types that name themselves, members beyond the end, no zero behind the strings: no crash."""
    data = raw_btf(make_kernel(), tmp_path).read_bytes()
    chance = random.Random(1)
    bad = tmp_path / "btf-bad"
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            at = chance.randrange(24, len(data))
            changed[at] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
        bad.write_bytes(changed)
        check(drift, bad)


def bz_image(packed, size):
    """The header of a bzImage, one sector of setup, and the packed kernel with its size."""
    image = bytearray(1024 + len(packed) + 4)
    image[0x1F1] = 1
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", image, 0x248, 0, len(packed) + 4)
    image[1024:] = packed + struct.pack("<I", size)
    return bytes(image)


def pack(command, data):
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout


PACKERS = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": lambda data: pack(["zstd", "-qc"], data),
    "lz4": lambda data: pack(["lz4", "-qlc"], data),
}


def extract(path, cache):
    return subprocess.run([os.path.join(HERE, "vmlinuz-btf"), path], text=True, check=False,
                          env={**os.environ, "TCPWATCH_CACHE": str(cache)},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("packer", PACKERS)
def test_vmlinuz(packer, make_kernel, tmp_path):
    elf = make_kernel()
    with open(elf, "rb") as file:
        data = file.read()
    packed = PACKERS[packer](data)
    vmlinuz = tmp_path / "vmlinuz-1.2.3"
    vmlinuz.write_bytes(bz_image(packed, len(data)))
    done = extract(vmlinuz, tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    with open(done.stdout.strip(), "rb") as file:
        assert file.read() == raw_btf(elf, tmp_path).read_bytes()

    for broken in (bz_image(packed, len(data) + 1), bz_image(packed[:len(packed) // 2], len(data)),
                   vmlinuz.read_bytes()[:-100], vmlinuz.read_bytes()[:0x210]):
        vmlinuz.write_bytes(broken)
        done = extract(vmlinuz, tmp_path / "cache")
        assert done.returncode == 2 and f"{vmlinuz}: " in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert len(glob.glob(f"{tmp_path}/cache/btf/*/*")) == 1


def test_flat_image(make_kernel, tmp_path):
    """arm64's: no sections, so the BTF is found by what it looks like."""
    btf = raw_btf(make_kernel(), tmp_path).read_bytes()
    image = bytearray(4096)
    image[0x38:0x3C] = b"ARM\x64"
    decoy = btf[:24] + b"\xff" * 100
    path = tmp_path / "vmlinuz-arm"
    path.write_bytes(gzip.compress(bytes(image) + decoy + btf + b"\xff" * 4096))
    done = extract(path, tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    with open(done.stdout.strip(), "rb") as file:
        assert file.read() == btf
