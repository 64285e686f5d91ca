"""What cannot boot says so, in one clear line on the serial port and the screen, and stops."""
import re
import time

import pytest

REFUSED = r"^portolan: cannot boot: .+\n"


def refused(vm):
    """Expects one line that says why, and nothing after it.  That line."""
    line = vm.expect(REFUSED, 30)[0].strip()
    time.sleep(1)
    assert len(re.findall(REFUSED, vm.text, re.M)) == 1
    assert vm.text.rstrip().endswith(line), vm.text
    assert "init: ready" not in vm.text
    return line


def truncated(module):
    return module[:len(module) // 2]


def magic_broken(module):
    """The second member's head is not one of a cpio archive."""
    second = module.index(b"070701", 6)
    return module[:second] + b"999999" + module[second + 6:]


def size_too_large(module):
    """The first member claims to reach beyond the archive."""
    return module[:54] + b"7FFFFFFF" + module[62:]


def no_manifest(module):
    return module.replace(b"manifest\0", b"manifesT\0", 1)


def init_not_a_program(module):
    return module.replace(b"\x7fELF", b"\x7fELV", 1)


def noise(module):
    return bytes(n * 167 % 251 for n in range(len(module)))


def empty(module):
    return b""


@pytest.mark.parametrize("damage", [truncated, magic_broken, size_too_large, no_manifest,
                                    init_not_a_program, noise, empty], ids=lambda f: f.__name__)
def test_damaged_module(machine, iso, boot_module, damage):
    refused(machine("--iso", iso(damage(boot_module))))


@pytest.mark.parametrize("memory", [16, 24, 32])
def test_too_little_memory(machine, memory):
    assert "memory" in refused(machine("--memory", str(memory)))


def test_many_features_missing(machine):
    assert "CPU" in refused(machine("--cpu", "qemu64"))


@pytest.mark.parametrize("feature", ["smep", "smap", "umip", "nx", "xsave", "fsgsbase", "pdpe1gb"])
def test_one_feature_missing(machine, feature):
    """Refused with its name, or done without."""
    vm = machine("--cpu", f"max,la57=off,{feature}=off")
    vm.expect(REFUSED + r"|^init: ready$")
    if "cannot boot" in vm.text:
        assert feature in refused(vm).lower()


@pytest.mark.parametrize("how", [["--kernel"], [], ["--uefi"]], ids=["text", "bios", "uefi"])
def test_says_so_on_the_screen(machine, screen, how):
    """On VGA text, and on the framebuffers that GRUB sets up."""
    line = refused(machine(*how, "--memory", "512", "--cpu", "qemu64", *screen.options))
    assert line in screen.text()


def test_console_is_on_the_screen(machine, screen, iso, module):
    """The kernel's own, as long as no driver has the screen."""
    with open(module("")[-1], "rb") as file:
        machine("--iso", iso(file.read()), *screen.options).expect(r"^init: ready\n")
    assert "init: ready" in screen.text()


def test_serial_entry_leaves_the_screen_alone(machine, screen, iso, boot_module):
    vm = machine("--iso", iso(boot_module, "serial"), *screen.options)
    vm.expect(r"^init: ready\n")
    assert "init: ready" not in screen.text()
