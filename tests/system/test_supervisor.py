"""init keeps the manifest's servers running, and does what it is asked for."""
from consoles import CONSOLE, POSIX, READY, SERVERS


def console(machine, module):
    vm = machine(*module(SERVERS + CONSOLE))
    vm.expect(READY)
    return vm


def test_failures_back_off(machine, module):
    """A program that ends badly is started again, each time later; the log says why it ended."""
    vm = console(machine, module)
    for wait in (100, 200, 400):
        vm.text = ""
        vm.type("fail\r")
        vm.expect(f"init: echo_lines ended: exit status 1; again in {wait} ms\n")
        vm.expect(READY)


def test_fault_is_reported(machine, module):
    vm = console(machine, module)
    vm.text = ""
    vm.type("fault\r")
    vm.expect(r"init: echo_lines: fault: vector 14, address 10, at [0-9a-f]+; rax [0-9a-f]+ rbx ")
    vm.expect(r"init: echo_lines ended: fault: vector 14, address 10, at [0-9a-f]+; again in 100 ms\n")
    vm.expect(READY)


def test_driver_dies_under_its_users(machine, module):
    """What is typed and said after a driver was killed goes through its successor: nobody opens anything
    anew."""
    vm = console(machine, module)
    for n in range(3):
        vm.type("kill serial\r")
        vm.expect(r"init: serial ended: killed; again in \d+ ms\n")
        vm.expect(r"^done: kill serial\n")
        vm.text = ""
        vm.type(f"still here {n}\r")
        vm.expect(f"^you typed: still here {n}\n> ")
        vm.text = ""


def test_terminal_dies_under_its_program(machine, module):
    """What the program says meanwhile waits for the successor."""
    vm = console(machine, module)
    vm.text = ""
    vm.type("kill ttyS0\r")
    vm.expect(r"init: ttyS0 ended: killed; again in 100 ms\n")
    vm.expect(r"^done: kill ttyS0\n")
    vm.type("again\r")
    vm.expect(r"^you typed: again\n> ")


def test_stop_and_start(machine, module):
    other = "\nserver other\nbinary logbook\nbudget 2M\ngrant log\n"
    vm = machine(*module(SERVERS + CONSOLE + other))
    vm.expect(READY)
    vm.type("stop other\r")
    vm.expect(r"^done: stop other\n")
    vm.expect(r"init: other ended: stopped\n")
    vm.text = ""
    vm.type("kill other\r")
    vm.expect(r"^refused: kill other\n")
    vm.type("start other\r")
    vm.expect(r"^done: start other\n")
    vm.type("start other\r")
    vm.expect(r"^refused: start other\n")
    vm.type("restart other\r")
    vm.expect(r"init: other ended: stopped\n")
    vm.type("stop nobody\r")
    vm.expect(r"^refused: stop nobody\n")


def test_bad_manifest(machine, module):
    """One clear line that names the file and the line."""
    vm = machine(*module("server a\nneeds b\nserver b\nneeds c\n"))
    vm.expect(r"^portolan: cannot boot: manifest:4: needs a server that there is not\n")
    vm = machine(*module(SERVERS + "\nserver x\nwhat 7\n"))
    vm.expect(r"^portolan: cannot boot: manifest:\d+: unknown word\n")


def test_missing_program(machine, module):
    vm = machine(*module(SERVERS + CONSOLE + "\nserver ghost\n"))
    vm.expect(r"init: ghost: cannot start: error 2\n")
    vm.expect(r"echo_lines: type a line\n")


def test_svc_lists(machine, module):
    """The user's command, as a POSIX process on a terminal."""
    vm = machine(*module(SERVERS + POSIX.replace("COMMAND", "/svc list")))
    vm.expect(r"^NAME +STATE ")
    for name in ("log", "serial", "ttyS0", "names", "tmpfs", "process", "getty"):
        vm.expect(rf"^{name} +running +\d+\.\d +1 ")
    vm.expect(r"init: getty ended: exit status 0\n")


def test_log_lists(machine, module):
    """The kernel's lines and the servers', as a user sees them."""
    vm = machine(*module(SERVERS + "\nserver ghost\nrestart never\n" + POSIX.replace("COMMAND", "/log")))
    vm.expect(r"^ +\d+\.\d+ kernel: init: ready\n")
    vm.expect(r"^ +\d+\.\d+ init: (error: )?ghost: cannot start: error 2\n")
