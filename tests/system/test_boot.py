"""The ISO boots on every machine it is meant for, and all of GRUB's entries work.

Not every combination: each machine and firmware meets the fewest and the most CPUs, and the least and the
most memory.
"""
import os
import subprocess

import pytest

from conftest import ROOT

BIOS, UEFI = (), ("--uefi",)
FIRMWARE_KEEPS = 8  # MiB at most that firmware keeps for itself

MATRIX = [
    ("pc", BIOS, 1, 48),
    ("pc", BIOS, 16, 16384),
    ("pc", BIOS, 3, 3072),
    ("q35", BIOS, 1, 16384),
    ("q35", BIOS, 16, 48),
    ("q35", BIOS, 2, 2048),
    ("q35", BIOS, 5, 4096),
    ("pc", UEFI, 1, 16384),
    ("pc", UEFI, 16, 64),
    ("pc", UEFI, 4, 512),
    ("q35", UEFI, 1, 64),
    ("q35", UEFI, 16, 16384),
    ("q35", UEFI, 2, 3072),
]


def name(case):
    kind, firmware, cpus, memory = case
    return f"{kind}-{'uefi' if firmware else 'bios'}-{cpus}cpus-{memory}MiB"


@pytest.mark.parametrize("case", MATRIX, ids=name)
def test_boots(machine, case):
    kind, firmware, cpus, memory = case
    vm = machine("--machine", kind, *firmware, "--cpus", str(cpus), "--memory", str(memory))
    found = vm.expect(r"^portolan: (\d+) cpus, (\d+) MiB\n", 150)
    vm.expect(r"^init: ready\n")
    assert int(found[1]) == cpus
    assert memory - FIRMWARE_KEEPS <= int(found[2]) <= memory


def test_boots_with_an_odd_size_of_memory(machine):
    """No multiple of a large page."""
    found = machine("--memory", "131").expect(r"^portolan: \d+ cpus, (\d+) MiB\n")
    assert 131 - FIRMWARE_KEEPS <= int(found[1]) <= 131


def test_boots_with_iommu(machine):
    vm = machine("--iommu", "--cpus", "2")
    vm.expect(r"^portolan: DMA: VT-d, interrupts remapped\n")
    vm.expect(r"^init: ready\n")


def test_says_that_drivers_are_trusted(machine):
    machine("--cpus", "1").expect(r"^portolan: DMA: no IOMMU, drivers are trusted\n")


def test_boots_directly(machine):
    """As `make gdb` and the guest tests do, without GRUB."""
    machine("--kernel", "--cpus", "2").expect(r"^init: ready\n")


@pytest.mark.parametrize("firmware", [BIOS, UEFI], ids=["bios", "uefi"])
def test_words_reach_the_first_task(machine, firmware):
    """Those of tools/vm --append, commas and all, by way of GRUB."""
    machine(*firmware, "--append", "x=1,2 panic-test").expect(r"^portolan: panic on CPU")


def test_entry_serial(machine, iso, boot_module):
    machine("--iso", iso(boot_module, "serial")).expect(r"^init: ready\n")


def test_entry_test(machine, iso, boot_module):
    """Starts the tests; with only=none there are none, and QEMU ends at once."""
    vm = machine("--iso", iso(boot_module, "test"), "--append", "only=none")
    vm.expect_end()
    assert "# guest tests done" in vm.text or "# guest test done" in vm.text, vm.text


def test_grub_waits_for_nobody():
    with open(f"{ROOT}/boot/grub.cfg") as file:
        menu = file.read()
    assert "set timeout=0\n" in menu
    for entry in ("portolan", "serial", "test"):
        assert f"--id {entry} " in menu


def test_iso_is_reproducible(iso, boot_module):
    first = iso(boot_module)
    with open(first, "rb") as file:
        before = file.read()
    os.remove(first)
    with open(iso(boot_module), "rb") as file:
        assert file.read() == before


def test_setup_is_silent_when_nothing_is_missing():
    done = subprocess.run([f"{ROOT}/tools/setup"], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
