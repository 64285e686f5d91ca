"""The plain boot ends at a console that one can type at."""

READY = r"^echo-lines: type a line\n> "


def test_line_is_edited_and_answered(machine):
    vm = machine("--kernel")
    vm.expect(READY)
    vm.type("helpp\x7flo\x17hello thete\x7f\x7fre\r")
    vm.expect(r"^you typed: hello there\n> ")
    vm.type("gr\u00fc\u00df\u00df\x7fe\r")
    vm.expect("^you typed: gr\u00fc\u00dfe\n> ")


def test_end_of_file_begins_again(machine):
    """The console's program ends, and is started again."""
    vm = machine("--kernel")
    vm.expect(READY)
    vm.type("\x04")
    vm.expect(r"^> echo-lines: type a line\n> ")


def test_nothing_typed_is_lost(machine):
    """Much faster than anybody types, lines close to the longest there may be, and much output."""
    vm = machine("--kernel")
    vm.expect(READY)
    lines = [f"{n:03}" + chr(ord("a") + n % 26) * 1000 for n in range(30)]
    for line in lines:
        vm.type(line + "\r")
        vm.expect(f"^you typed: {line}\n")
