"""A panic prints registers, a symbolised backtrace and the last events, with all CPUs stopped."""
import re


def test_panic(machine):
    vm = machine("--kernel", "--cpus", "4", "--append", "test panic-test")
    assert vm.expect_end() != 0  # a test boot leaves QEMU, and not as if all were well
    text = vm.text
    assert re.search(r"^portolan: panic on CPU \d", text, re.M), text
    for register in ("rip", "rsp", "rax", "r15", "cr2"):
        assert re.search(rf"\b{register} +[0-9a-f]+", text), f"no {register}:\n{text}"
    frames = re.findall(r"^  #(\d+) ffffffff8[0-9a-f]{7} (\w+)\+0x[0-9a-f]+$", text, re.M)
    assert len(frames) >= 2, text
    assert frames[0][0] == "0"
    stopped = set(re.findall(r"\bCPU (\d)", text))
    assert stopped == {"0", "1", "2", "3"}, text


def test_panic_stops_the_machine(machine):
    """Without `test`, it stays: nothing else is printed and QEMU does not end."""
    vm = machine("--kernel", "--append", "panic-test")
    vm.expect(r"^portolan: stopped$")
    assert vm.process.poll() is None
