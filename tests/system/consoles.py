"""Manifests for tests that type at a console: those of the servers, and what runs on the terminals."""

SERVERS = """
server log
binary logbook
budget 1M
grant log
grant port serial
words console=serial
mount /dev/log

server serial
budget 1M
grant log
grant port log
grant ioport 0x3f8 8
grant irq 4
restart on-failure

server ttyS0
binary tty
budget 1M
needs serial
grant port serial
grant port log
words device=serial name=dev/ttyS0
mount /dev/ttyS0
"""

SCREEN = """
server ps2
budget 1M
grant port log
grant ioport 0x60 5
grant irq 1
restart on-failure

server framebuffer
budget 1M
grant log
grant port log
grant framebuffer
grant ioport 0x3d4 2
restart on-failure

server tty1
binary tty
budget 1M
needs ps2 framebuffer
grant port ps2
grant port framebuffer
grant port log
words in=ps2 in=framebuffer out=framebuffer name=dev/tty1

console echo_lines
budget 1M
needs tty1
grant terminal tty1
"""

CONSOLE = """
console echo_lines
budget 1M
needs ttyS0
grant terminal ttyS0
grant init
"""

POSIX = """
server names
budget 1M

server tmpfs
budget 20%
needs names
grant log
grant port log
grant archive
mount / tree

server devices
budget 512K
needs names
grant port log
mount /dev tree

server pipe
budget 4M
needs names
grant port log
mount /dev/pipe

server process
budget 45%
grant log
grant port log

console getty /dev/ttyS0 vt100 COMMAND
restart never
needs ttyS0 tmpfs process pipe devices
grant process
grant tree
grant log
"""

READY = r"^echo_lines: type a line\n> "
