"""Boots the ISO as users do, and as they should not."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def boot(*options, words="test only=none", limit=90):
    """What the guest prints. "only=none" starts no test, so that the guest ends at once."""
    done = subprocess.run(["tools/vm", "--headless", "--append", words, "--time-limit", str(limit),
                           *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=limit + 60)
    return done.stdout.decode(errors="replace").replace("\r", "")


def lines(output, start):
    return [line for line in output.splitlines() if line.startswith(start)]


@pytest.mark.parametrize("machine, firmware, cpus, memory", [
    ("q35", [], 1, "48M"), ("pc", [], 2, "64M"), ("q35", [], 16, "512M"), ("pc", [], 4, "2G"),
    ("q35", [], 2, "16G"), ("q35", ["--uefi"], 2, "128M"), ("pc", ["--uefi"], 4, "512M"),
])
def test_the_iso_boots(machine, firmware, cpus, memory):
    output = boot("--machine", machine, "--cpus", str(cpus), "--memory", memory, *firmware)
    assert f"portolan: {cpus} cpus" in output
    assert "init: ready" in output


def iso(tmp_path, contents):
    module, image = tmp_path / "boot.cpio", tmp_path / "broken.iso"
    module.write_bytes(contents)
    subprocess.run(["tools/iso", "--kernel", "build/kernel.elf", "--module", str(module), "--output",
                    str(image)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return str(image)


def good_module():
    with open(os.path.join(ROOT, "build/boot.cpio"), "rb") as file:
        return file.read()


@pytest.mark.parametrize("damage", ["cut", "junk"])
def test_a_broken_module_gives_one_clear_line(tmp_path, damage):
    module = good_module()
    contents = module[:3000] if damage == "cut" else b"junk" * 2000
    output = boot("--iso", iso(tmp_path, contents))
    assert len(lines(output, "portolan: cannot boot: ")) == 1, output
    assert "init: ready" not in output


def test_too_little_memory_gives_one_clear_line():
    assert len(lines(boot("--memory", "32M"), "portolan: cannot boot: ")) == 1


def test_a_cpu_without_a_needed_feature_gives_one_clear_line():
    assert len(lines(boot("--cpu", "qemu64"), "portolan: cannot boot: ")) == 1


def test_a_panic_shows_a_symbolised_backtrace():
    output = boot("--kernel", words="test panic-test")
    assert "portolan: panic on CPU" in output
    assert "sys_power+0x" in output


def test_a_plain_boot_greets_and_stays():
    output = boot("--kernel", words="", limit=6)
    assert "Portolan: " in output


def test_the_test_entry_exists():
    with open(os.path.join(ROOT, "boot/grub.cfg")) as file:
        text = file.read()
    for entry in ("portolan", "serial", "test"):
        assert f"--id {entry} " in text


def test_set_up_is_silent_when_nothing_is_missing():
    done = subprocess.run(["tools/setup"], cwd=ROOT, capture_output=True, timeout=120)
    assert done.returncode == 0 and done.stdout + done.stderr == b""
