"""The plain boot ends at a console that one can type at."""
import pytest

READY = r"^echo_lines: type a line\n> "


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
    vm.expect(r"^> echo_lines: type a line\n> ")


def test_nothing_typed_is_lost(machine):
    """Much faster than anybody types, lines close to the longest there may be, and much output."""
    vm = machine("--kernel")
    vm.expect(READY)
    lines = [f"{n:03}" + chr(ord("a") + n % 26) * 1000 for n in range(30)]
    for line in lines:
        vm.type(line + "\r")
        vm.expect(f"^you typed: {line}\n")


@pytest.mark.parametrize("how", [("--kernel",), ()], ids=["text", "pixels"])
def test_keyboard_and_screen(machine, screen, how):
    """VGA text, and GRUB's framebuffer."""
    machine(*how, *screen.options).expect(READY)
    screen.expect(r"^echo_lines: type a line\n>")
    screen.type("Hellp\x7fo There\n")
    screen.expect(r"^> Hello There\nyou typed: Hello There\n>")
    screen.press("caps_lock", "a", "shift-b", "caps_lock", "1", "shift-2", "ctrl-v", "ctrl-a", "up", "ret")
    screen.expect(r"^> Ab1@\^A\^\[\[A$")


def test_screen_scrolls(machine, screen):
    vm = machine("--kernel", *screen.options)
    vm.expect(READY)
    for n in range(14):
        screen.type(f"line {n}\n")
    screen.expect(r"^you typed: line 13\n>")
    rows = screen.text().split("\n")
    assert rows[0] == "> line 2" and rows[23] == "you typed: line 13", rows
