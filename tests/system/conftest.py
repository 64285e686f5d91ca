"""What the system tests use: a virtual machine whose console a test reads."""
import codecs
import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Machine:
    """A running tools/vm.  `text` is all that its console has said, without control characters."""

    def __init__(self, *options, **named):
        self.process = subprocess.Popen(
            [f"{ROOT}/tools/vm", "--headless", "--time-limit", "180", *options], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **named)
        self.text = ""
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while piece := os.read(self.process.stdout.fileno(), 4096):
            with self.changed:
                self.text += re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]|\r", "", decoder.decode(piece))
                self.changed.notify()

    def expect(self, pattern, limit=60):
        """Waits for the pattern on the console and gives the match; fails after `limit` seconds."""
        deadline = time.monotonic() + limit
        with self.changed:
            while not (match := re.search(pattern, self.text, re.M)):
                left = deadline - time.monotonic()
                ended = not self.reader.is_alive()
                if left <= 0 or ended:
                    pytest.fail(f"{'ended' if ended else f'{limit} s'} without /{pattern}/:\n{self.text}")
                self.changed.wait(min(left, 0.2))
            return match

    def type(self, text):
        """Types on the console."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def expect_end(self, limit=60):
        """Waits until QEMU has ended by itself; its status."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {limit} s:\n{self.text}")
        self.reader.join()
        return status

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def machine():
    """A function that starts a Machine, which is stopped when the test is over."""
    started = []

    def start(*options):
        started.append(Machine(*options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Screen:
    """What the screen of a machine started with `options` shows, read through QEMU's own monitor."""

    VGA_TEXT = 0xB8000  # 80 by 25, a character and its colours each

    def __init__(self, folder):
        self.picture = folder / "screen.ppm"
        self.path = folder / "qmp"
        self.options = ["--", "-qmp", f"unix:{self.path},server=on,wait=off"]

    NAMES = {" ": "spc", "\n": "ret", "\x7f": "backspace", ".": "dot", "-": "minus", "/": "slash"}

    @contextlib.contextmanager
    def _monitor(self):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(str(self.path))
            stream = link.makefile("rw")
            stream.readline()  # the greeting
            self._ask(stream, "qmp_capabilities")
            yield stream

    def press(self, *keys):
        """Presses keys by QEMU's names for them: "ret", "shift-a", "ctrl-c"."""
        with self._monitor() as stream:
            for key in keys:
                self._ask(stream, "human-monitor-command", {"command-line": f"sendkey {key} 20"})
                time.sleep(0.05)  # the next comes only when this one has been released

    def type(self, text):
        """Presses the keys of a text."""
        self.press(*(f"shift-{c.lower()}" if c.isupper() else self.NAMES.get(c, c) for c in text))

    def expect(self, pattern, limit=60):
        """Waits for the pattern on the screen."""
        deadline = time.monotonic() + limit
        while not re.search(pattern, text := self.text(), re.M):
            if time.monotonic() > deadline:
                pytest.fail(f"{limit} s without /{pattern}/ on the screen:\n{text}")
            time.sleep(0.3)

    def text(self):
        """The characters on the screen, a line each row."""
        with self._monitor() as stream:
            self._ask(stream, "screendump", {"filename": str(self.picture)})
            dump = self._ask(stream, "human-monitor-command",
                             {"command-line": f"xp /4000xb {self.VGA_TEXT:#x}"})
        size, pixels = self._pixels()
        if size[1] == 400:
            cells = [int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})\b", dump)][::2]
            text = "".join(chr(cell) if 32 <= cell < 127 else " " for cell in cells)
            rows = [text[n:n + 80] for n in range(0, len(text), 80)]
        else:
            rows = self._read_glyphs(size, pixels)
        return "\n".join(row.rstrip() for row in rows)

    @staticmethod
    def _ask(stream, command, arguments=None):
        stream.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
        stream.flush()
        while True:
            answer = json.loads(stream.readline())
            if "error" in answer:
                pytest.fail(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def _pixels(self):
        """((width, height), one byte a pixel: its green)"""
        _, size, _, data = self.picture.read_bytes().split(b"\n", 3)
        return tuple(map(int, size.split())), data[1::3]

    @staticmethod
    def _read_glyphs(size, pixels):
        """The framebuffer console draws cells of 8 by 16 in the font that is linked into the kernel."""
        with open(f"{ROOT}/build/kernel/font.s") as file:
            glyphs = re.findall(r"\.byte (.*)", file.read())
        names = {bytes(int(row, 16) for row in glyph.split(",")): chr(32 + n)
                 for n, glyph in enumerate(glyphs)}
        lit = bytes(0 if value < 64 else 1 for value in range(256))
        pixels, (width, height) = pixels.translate(lit), size

        def cell(x, y):
            rows = (pixels[(y + n) * width + x:(y + n) * width + x + 8] for n in range(16))
            shape = bytes(int("".join(map(str, row)), 2) for row in rows)
            return names.get(shape, "?")

        return ["".join(cell(x, y) for x in range(0, width - 7, 8)) for y in range(0, height - 15, 16)]


@pytest.fixture
def screen(tmp_path):
    return Screen(tmp_path)


@pytest.fixture
def iso(tmp_path):
    """A function that makes an ISO of a boot module's bytes, as tools/iso does."""
    def make(module, entry="portolan"):
        path, out = tmp_path / "boot.cpio", tmp_path / "test.iso"
        path.write_bytes(module)
        subprocess.run([f"{ROOT}/tools/iso", "--kernel", f"{ROOT}/build/kernel.elf", "--module", path,
                        "--output", out, "--entry", entry], check=True)
        return str(out)

    return make


@pytest.fixture(scope="session")
def boot_module():
    """The bytes of build/test.cpio."""
    with open(f"{ROOT}/build/test.cpio", "rb") as file:
        return file.read()


def members(archive):
    """[(name, the member's bytes in the archive, where its contents begin in them)] of a newc archive."""
    found, at = [], 0
    while True:
        size, length = (int(archive[at + n:at + n + 8], 16) for n in (54, 94))
        name = archive[at + 110:at + 110 + length].split(b"\0")[0].decode()
        body = at + (110 + length + 3) // 4 * 4
        end = (body + size + 3) // 4 * 4
        found.append((name, archive[at:end], body - at))
        if name == "TRAILER!!!":
            return found
        at = end


@pytest.fixture
def module(tmp_path, boot_module):
    """A function that makes a boot module with another manifest; gives the options for a Machine."""
    def make(manifest):
        path = tmp_path / "other.cpio"
        text = manifest.encode()
        with open(path, "wb") as file:
            for name, member, body in members(boot_module):
                if name == "manifest":
                    # What lies behind stays where it is in its page.
                    text += b"\n" * ((len(member) - body - len(text)) % 4096)
                    head = member[:54] + b"%08X" % len(text) + member[62:body]
                    member = head + text + b"\0" * (-len(text) % 4)
                file.write(member)
        return ["--kernel", "--module", str(path)]

    return make
