"""A virtio disk: what a guest reads and writes is what is in the file, also when its driver dies."""
import struct

import pytest

SIZE = 16 << 20
TRANSFER = 256 << 10
MARK = 0x5A5A000000000000

MANIFEST = """
server pci
budget 1M
grant ioport 0xcf8 8
grant physical 0 0x10000000000000
grant msi
grant log

server disk0
binary virtio_blk
budget 2M
device pci 1af4:1042,1af4:1001 0
trusted
grant log

server disk_client
budget 16M
needs disk0
grant port disk0
grant init
grant log
restart never
"""


def words(start, end, mark=0):
    return struct.pack(f"<{(end - start) // 8}Q", *(n + mark for n in range(start, end, 8)))


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(words(0, SIZE))
    return path


@pytest.mark.parametrize("options", [[], ["--iommu"], ["--machine", "pc", "--cpus", "1"]])
def test_disk(machine, module, disk, options):
    vm = machine(*options, *module(MANIFEST), "--disk", str(disk))
    vm.expect(r"^# disk_client is done\n", 120)
    assert "not ok" not in vm.text, vm.text
    assert "iommu:" not in vm.text, vm.text
    vm.stop()
    wanted = bytearray(words(0, SIZE))
    for start, length in ((1 << 20, TRANSFER), ((2 << 20) + 512, 1024), (3 << 20, 4096)):
        wanted[start:start + length] = words(start, start + length, MARK)
    assert disk.read_bytes() == wanted


def test_no_disk(machine, module):
    """Whoever needs it waits, and nobody complains."""
    vm = machine(*module(MANIFEST.replace("server disk_client", "server other\nbinary greeting\n"
                                                                "\nserver disk_client")))
    vm.expect(r"\d+ devices\n")
    assert "error" not in vm.text and "ok" not in vm.text, vm.text


def test_without_trust(machine, module, disk):
    """Without an IOMMU a driver that is not trusted gets no device."""
    vm = machine(*module(MANIFEST.replace("trusted\n", "")), "--disk", str(disk))
    vm.expect(r"disk0: there is no IOMMU, and it is not trusted\n")
