"""The shell at the console, as somebody who types sees it: commands, pipes, redirection, editing,
history, job control; the command set; Lua.
"""
import re
import time

import pytest

from conftest import ROOT, Machine

PROMPT = re.compile(r"^\S* # ", re.M)
LEFT, UP = "\x1b[D", "\x1b[A"


class Shell:
    """A machine whose console is at a prompt.  `text` is what it has said since it was last asked."""

    def __init__(self, machine, limit=90):
        self.machine = machine
        self.seen = 0
        self.wait(PROMPT.pattern, limit)

    def wait(self, pattern, limit=30):
        """Waits for a pattern in what has not been read yet; gives what stood before it."""
        deadline = time.monotonic() + limit
        while True:
            text = self.machine.text
            found = re.compile(pattern, re.M).search(text, self.seen)
            if found:
                before, self.seen = text[self.seen:found.start()], found.end()
                return before
            if time.monotonic() > deadline or not self.machine.reader.is_alive():
                pytest.fail(f"no /{pattern}/ after {limit} s:\n{text[self.seen:]}")
            time.sleep(0.05)

    def type(self, keys):
        self.machine.process.stdin.write(keys.encode())
        self.machine.process.stdin.flush()

    def run(self, command, limit=30):
        """Runs a command; gives what it said and its status.  A line `=` tells the typed line, which
        is drawn as the editor likes, from what the command says."""
        self.type(f"echo =; {command}; echo =$?=\r")
        self.wait(r"^=\n", limit)
        said = self.wait(r"^=\d+=$", limit)
        status = int(re.search(r"=(\d+)=$", self.machine.text[:self.seen])[1])
        self.wait(PROMPT.pattern)
        return said.rstrip("\n"), status

    def says(self, command, wanted, status=0, limit=30):
        assert self.run(command, limit) == (wanted, status)


@pytest.fixture(scope="module")
def booted():
    """One machine for all tests; each leaves the shell as it was."""
    machine = Machine()
    yield Shell(machine)
    machine.stop()


@pytest.fixture
def shell(booted):
    booted.says("cd /tmp && rm -rf /tmp/*", "")
    yield booted


# ---- The language --------------------------------------------------------------------------------


@pytest.mark.parametrize("command, wanted", [
    ("echo hello", "hello"),
    ("echo b a c | tr ' ' '\\n' | sort | head -n 1", "a"),
    ("echo one > f; echo two >> f; cat < f", "one\ntwo"),
    ("ls /nothing 2> f; wc -l < f", "1"),
    ("{ echo out; echo err >&2; } 2>&1 | sort", "err\nout"),
    ("x=3; echo $((x * 7)) ${y:-none} ${#x}", "21 none 1"),
    ("f() { echo $2 $1; }; f a b", "b a"),
    ("echo $(echo in $(echo side))", "in side"),
    ("for i in 1 2 3; do echo $i; done | tail -n 1", "3"),
    ("touch a.c b.c; echo *.c; echo [ab].?", "a.c b.c\na.c b.c"),
    ("case abc in a*) echo yes;; esac", "yes"),
    ("while read a b; do echo $b; done < /etc/shells | wc -l", "1"),
    ("(cd /; pwd); pwd", "/\n/tmp"),
    ("trap 'echo bye' EXIT; (exit 3); trap - EXIT; echo $?", "0"),
    ("sh -c 'exit 7'; echo $?", "7"),
    ("sh -c 'kill -9 $$'; echo $?", "Killed\n137"),
    ("false || echo or && echo and", "or\nand"),
    ("echo 'echo $1 $#' > s; chmod +x s; ./s a b", "a 2"),
    ("mkfifo p; echo through > p & cat p", "through"),
    ("export V=1; sh -c 'echo $V'; env | grep ^V=", "1\nV=1"),
    ("seq 100000 | wc -l", "100000"),
    ("yes | head -n 1", "y"),
    ("umask 077; touch g; umask 022; ls -l g | cut -c 1-10", "-rw-------"),
])
def test_language(shell, command, wanted):
    shell.says(command, wanted)


def test_here_document(shell):
    shell.type("cat <<END\r")
    shell.wait("^> ")
    shell.type("a $((1 + 1))\rEND\r")
    shell.wait("^a 2$")
    shell.wait(PROMPT.pattern)


def test_status_of_what_is_not_there(shell):
    said, status = shell.run("nothing-of-that-name")
    assert "not found" in said and status == 127
    said, status = shell.run("/etc/passwd")
    assert status == 126


# ---- The line ------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys, wanted", [
    ("echo ac" + LEFT + "b\r", "abc"),                 # put in
    ("echo abx\x7fc\r", "abc"),                        # rubbed out
    ("cho abc\x01e\r", "abc"),                         # ^A
    ("echo a" + LEFT * 3 + "\x05bc\r", "abc"),         # ^E
    ("echo abc word\x17\r", "abc"),                    # ^W
    ("junk\x15echo abc\r", "abc"),                     # ^U
    ("echo abc tail\x01" + "\x06" * 8 + "\x0b\r", "abc"),  # ^K
])
def test_editing(shell, keys, wanted):
    shell.type(keys)
    shell.wait(f"^{wanted}$")
    shell.wait(PROMPT.pattern)


def test_history(shell):
    shell.says("echo first", "first")
    shell.says("echo second", "second")
    shell.type(UP + UP + "\r")
    shell.wait("^first$")
    shell.wait(PROMPT.pattern)
    said, _ = shell.run("fc -l")
    assert "echo second" in said


def test_interrupted_line(shell):
    shell.type("echo typed\x03")
    shell.wait(PROMPT.pattern)
    shell.says("echo next", "next")


# ---- Jobs ----------------------------------------------------------------------------------------


def test_interrupt(shell):
    shell.type("sleep 100\r")
    time.sleep(1)
    shell.type("\x03")
    shell.wait(PROMPT.pattern)
    shell.type("echo =$?=\r")
    shell.wait("^=130=$")
    shell.wait(PROMPT.pattern)


def test_interrupt_of_a_pipeline(shell):
    shell.type("yes | cat > /dev/null\r")
    time.sleep(1)
    shell.type("\x03")
    shell.wait(PROMPT.pattern)
    shell.says("echo alive", "alive")


def test_stop_and_continue(shell):
    shell.type("sleep 3\r")
    time.sleep(1)
    shell.type("\x1a")
    shell.wait("Stopped")
    shell.wait(PROMPT.pattern)
    assert "sleep 3" in shell.run("jobs")[0]
    shell.type("fg\r")
    shell.wait("^sleep 3$")
    shell.wait(PROMPT.pattern)
    shell.says("jobs", "")


def test_background(shell):
    shell.type("sleep 1 &\r")
    shell.wait(PROMPT.pattern)
    shell.says("wait; echo $?", "0")
    shell.type("sleep 100 &\r")
    shell.wait(PROMPT.pattern)
    assert shell.run("kill %1; wait %1; echo $?")[0].split("\n")[-1] == "143"


def test_background_reader_is_stopped(shell):
    shell.type("cat &\r")
    shell.wait(PROMPT.pattern)
    time.sleep(1)
    assert "Stopped" in shell.run("jobs")[0]
    shell.run("kill %1; kill -CONT %1; wait")


def test_end_of_input(shell):
    shell.type("cat > f\r")
    time.sleep(1)
    shell.type("typed\r\x04")
    shell.wait(PROMPT.pattern)
    shell.says("cat f", "typed")


# ---- The command set -----------------------------------------------------------------------------


@pytest.mark.parametrize("command, wanted", [
    ("mkdir -p a/b; touch a/b/c; find a -type f", "a/b/c"),
    ("mkdir a; cp /etc/passwd a; mv a/passwd b; cmp b /etc/passwd; rm -r a b; ls", ""),
    ("ln -s /etc l; ls l | grep -c passwd; readlink l", "1\n/etc"),
    ("echo x > a; ln a b; stat -c %h b", "2"),
    ("printf 'a 1\\na 1\\nb 2\\n' | uniq -c | sed 's/ *//'", "2 a 1\n1 b 2"),
    ("printf '1:2:3\\n' | cut -d : -f 2", "2"),
    ("echo abc | tr a-c A-C", "ABC"),
    ("printf 'a\\nb\\n' > x; printf 'a\\nc\\n' > y; diff x y | grep -c '^[-+][bc]'", "2"),
    ("printf abc | od -An -tx1 | tr -d ' '", "616263"),
    ("printf abc | hexdump -C | grep -c '61 62 63'", "1"),
    ("printf abc | sha256sum | cut -c 1-16", "ba7816bf8f01cfea"),
    ("dd if=/dev/zero of=z bs=1000 count=100 2>/dev/null; wc -c < z; du -k z | cut -f 1",
     "100000\n100"),
    ("seq 3 | xargs echo", "1 2 3"),
    ("echo x | tee t; cat t", "x\nx"),
    ("printf 'b\\na\\n' | sort; echo aXb | sed s/X/-/", "a\nb\na-b"),
    ("date -u -d @0 +%Y", "1970"),
    ("uname; env -i A=1 env", "Portolan\nA=1"),
    ("test -d /etc && [ 3 -gt 2 ] && echo yes", "yes"),
    ("time sleep 1 2>&1 | grep -c real", "1"),
    ("df /tmp | grep -c ^tmpfs", "1"),
    ("id -u; whoami", "0\nroot"),
    ("tar c -C /etc passwd | tar t", "passwd"),
    ("seq 1000 | grep -c 9", "271"),
    ("timeout 1 sleep 100; echo $?", "124"),
])
def test_command(shell, command, wanted):
    shell.says(command, wanted)


def test_every_command_is_there(shell):
    with open(f"{ROOT}/packages/toybox-commands") as file:
        names = re.sub("#.*", "", file.read()).split()
    for start in range(0, len(names), 10):
        some = " ".join(names[start:start + 10])
        shell.says(f"for n in {some}; do [ -x /bin/$n ] || echo $n; done", "")


# ---- Lua -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["language", "system", "limits"])
def test_lua(shell, script):
    said, status = shell.run(f"lua /usr/share/lua/tests/{script}.lua", limit=120)
    assert not re.search("^not ok", said, re.M), said
    assert re.search(r"^1\.\.\d+$", said, re.M) and status == 0


def test_lua_at_the_console(shell):
    shell.type("lua\r")
    shell.wait("^> ")
    shell.type("1 + 1\r")
    shell.wait("^2$")
    shell.wait("^> ")
    shell.type("\x04")
    shell.wait(PROMPT.pattern)
