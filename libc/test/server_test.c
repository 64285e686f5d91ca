/*
 * What libc makes of a server's answers: those of a terminal, and those that no good server gives.
 * The server is a thread of this program.
 */
#include "../syscall.h" /* before <sys/mman.h> and friends */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <portolan/tty.h>

#include "../descriptor.h"
#include "../process.h"
#include "../thread.h"
#include "tap.h"

/* ---- The server: gives the answer that was prepared, and remembers what was asked -------------
 */

static handle_t port;
static struct message asked, answer;
static unsigned char asked_bytes[MESSAGE_BYTES_MAX], answer_bytes[MESSAGE_BYTES_MAX];
static int busy_times, full_times; /* how often to refuse first */

static void *serve(void *argument)
{
    struct receipt receipt;
    struct message head;
    while (sys_get(port, DEADLINE_NEVER, &head, &receipt) == GET_MESSAGE) {
        struct message_area *area = thread_self()->area;
        asked = head;
        memcpy(asked_bytes, area->bytes, MESSAGE_FLAG_BYTES(head.flags));
        head = answer;
        if (busy_times > 0 && busy_times--)
            head = (struct message){.result = -EBUSY};
        if (full_times > 0 && full_times--)
            head = (struct message){.result = -EAGAIN};
        memcpy(area->bytes, answer_bytes, MESSAGE_FLAG_BYTES(head.flags));
        sys_reply(receipt.token, &head);
    }
    return argument;
}

static void prepare(int64_t result, const void *bytes, size_t length)
{
    answer = (struct message){.result = result, .flags = MESSAGE_FLAGS(length, 0, 0)};
    memcpy(answer_bytes, bytes, length);
}

/* A descriptor of a session with the server. */
static int make_descriptor(uint32_t flags)
{
    int64_t session = sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    return __libc_descriptor_add(__libc_open_file_make((handle_t)session, flags, NULL), 0, false);
}

static bool fails(long result, int error, const char *name)
{
    int seen = errno;
    bool good = ok(result == -1 && seen == error, name);
    if (!good)
        printf("#   result %ld, errno %d, wanted %d\n", result, seen, error);
    return good;
}

/* ---- A terminal ------------------------------------------------------------------------------ */

static const struct tty_attributes attributes = {.c_iflag = TTY_ICRNL | TTY_IXON,
                                                 .c_oflag = TTY_OPOST | TTY_ONLCR,
                                                 .c_cflag = TTY_CS8 | TTY_CREAD,
                                                 .c_lflag = TTY_ICANON | TTY_ECHO | TTY_ISIG,
                                                 .c_cc = {[TTY_VEOF] = 4, [TTY_VMIN] = 1},
                                                 .c_ispeed = 9600,
                                                 .c_ospeed = 115200};

static void test_attributes(int terminal)
{
    struct termios found;
    struct winsize size = {0};
    prepare(0, &attributes, sizeof attributes);
    ok(isatty(terminal), "isatty");
    is(tcgetattr(terminal, &found), 0, "tcgetattr");
    ok(asked.op == IO_CONTROL && asked.arg[0] == TTY_GET_ATTRIBUTES, "asks the server");
    ok(found.c_iflag == (ICRNL | IXON) && found.c_oflag == (OPOST | ONLCR) &&
           (found.c_cflag & CSIZE) == CS8 && found.c_lflag == (ICANON | ECHO | ISIG) &&
           found.c_cc[VEOF] == 4 && cfgetispeed(&found) == B9600 && cfgetospeed(&found) == B115200,
       "the same attributes");
    prepare(0, "", 0);
    cfmakeraw(&found);
    is(tcsetattr(terminal, TCSAFLUSH, &found), 0, "tcsetattr");
    ok(asked.arg[0] == TTY_SET_ATTRIBUTES && asked.arg[1] == TTY_FLUSHED &&
           memcmp(asked_bytes, &found, sizeof found) == 0,
       "tells the server");
    fails(tcsetattr(terminal, 7, &found), EINVAL, "when");
    prepare(-EINVAL, "", 0);
    fails(tcsetattr(terminal, TCSANOW, &found), EINVAL, "the server's error");
    struct tty_size rows = {.rows = 25, .columns = 80};
    prepare(0, &rows, sizeof rows);
    ok(ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_row == 25 && size.ws_col == 80,
       "TIOCGWINSZ");
    ok(ioctl(terminal, TIOCSWINSZ, &size) == 0 && memcmp(asked_bytes, &rows, sizeof rows) == 0,
       "TIOCSWINSZ");
    fails(ioctl(terminal, 0x7777, &size), ENOTTY, "no such request");
}

static void test_requests(int terminal)
{
    char name[32];
    int count;
    pid_t group;
    prepare(0, "", 0);
    ok(tcflush(terminal, TCIOFLUSH) == 0 && asked.arg[0] == TTY_FLUSH && asked.arg[1] == 3,
       "tcflush");
    fails(tcflush(terminal, 9), EINVAL, "of what");
    ok(tcflow(terminal, TCOON) == 0 && asked.arg[0] == TTY_FLOW && asked.arg[1] == TTY_OUTPUT_GO,
       "tcflow");
    ok(tcdrain(terminal) == 0 && asked.arg[0] == TTY_DRAIN, "tcdrain");
    ok(tcsendbreak(terminal, 0) == 0 && asked.arg[0] == TTY_BREAK, "tcsendbreak");
    prepare(17, "", 0);
    ok(tcgetpgrp(terminal) == 17 && asked.arg[0] == TTY_GET_GROUP, "tcgetpgrp");
    ok(ioctl(terminal, TIOCGPGRP, &group) == 0 && group == 17, "TIOCGPGRP");
    ok(tcgetsid(terminal) == 17 && asked.arg[0] == TTY_GET_SESSION, "tcgetsid");
    ok(ioctl(terminal, FIONREAD, &count) == 0 && count == 17, "FIONREAD");
    prepare(9, "dev/ttyS0", 9);
    ok(ttyname_r(terminal, name, sizeof name) == 0 && strcmp(name, "/dev/ttyS0") == 0, "ttyname_r");
    is(ttyname_r(terminal, name, 10), ERANGE, "with little room");
    ok(strcmp(ttyname(terminal), "/dev/ttyS0") == 0, "ttyname");
}

static void test_job_control(int terminal)
{
    char byte;
    __libc_process.group = 23;
    prepare(1, "x", 1);
    ok(read(terminal, &byte, 1) == 1 && asked.arg[1] == 23, "read names the process group");
    ok(write(terminal, "x", 1) == 1 && asked.arg[1] == 23, "as write does");
    busy_times = 1;
    ok(read(terminal, &byte, 1) == 1 && asked.arg[1] == 0, "without job control: again, as nobody");
    prepare(0, "", 0);
    busy_times = 1;
    ok(tcdrain(terminal) == 0 && asked.arg[2] == 0, "so do the others");
    __libc_process.group = 0;
    busy_times = 1;
    fails(tcdrain(terminal), EBUSY, "as nobody it is an error");
}

/* ---- Answers that are wrong ------------------------------------------------------------------ */

static void test_lies(int file)
{
    static char large[3 * MESSAGE_BYTES_MAX];
    struct stat status;
    prepare(5, "12345", 5);
    fails(read(file, large, 4), EIO, "more bytes than were asked for");
    prepare(5, "123", 3);
    fails(read(file, large, 10), EIO, "fewer than were promised");
    prepare(sizeof large + 1, "", 0);
    fails(read(file, large, sizeof large), EIO, "more than was lent");
    fails(write(file, large, sizeof large), EIO, "or taken");
    fails(write(file, large, 10), EIO, "of a few");
    prepare(0, "x", 1);
    fails(fstat(file, &status), EIO, "half an answer");
    fails(tcgetattr(file, &(struct termios){0}), EIO, "and another");
    prepare(-EDEAD, "", 0);
    fails(fsync(file), EIO, "an error that POSIX does not know");
    prepare(0, "", 0);
    fails((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0), EIO, "no handle");
    prepare(0, "abc", 3);
    is(read(file, large, 10), 0, "bytes at the end of a file are none");
}

static void test_entries(int file)
{
    struct {
        struct io_entry entry;
        char name[256];
    } listed = {.entry = {.node = 5, .next = 7, .name_length = 3, .type = DT_REG}, .name = "abc"};
    int64_t session = sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    int descriptor = __libc_descriptor_add(
        __libc_open_file_make((handle_t)session, O_DIRECTORY, strdup("/")), 0, false);
    DIR *directory = fdopendir(descriptor);
    (void)file;
    seekdir(directory, 2);
    prepare(sizeof listed.entry + 8, &listed, sizeof listed.entry + 8);
    struct dirent *found = readdir(directory);
    ok(found && strcmp(found->d_name, "abc") == 0 && found->d_ino == 5 && telldir(directory) == 9,
       "an entry");
    prepare(sizeof listed.entry + 2, &listed, sizeof listed.entry + 2);
    errno = 0;
    ok(readdir(directory) == NULL && errno == EIO, "one that is cut off");
    listed.entry.name_length = 0;
    prepare(sizeof listed.entry + 8, &listed, sizeof listed.entry + 8);
    errno = 0;
    ok(readdir(directory) == NULL && errno == EIO, "one without a name");
    listed.entry.name_length = 300;
    prepare(sizeof listed, &listed, sizeof listed);
    errno = 0;
    ok(readdir(directory) == NULL && errno == EIO, "one with a name too long");
    prepare(4096, &listed, 5);
    errno = 0;
    ok(readdir(directory) == NULL && errno == EIO, "fewer bytes than promised");
    closedir(directory);
}

static void test_full(int file)
{
    full_times = 1;
    prepare(1, "", 0);
    struct pollfd entry = {.fd = file, .events = POLLOUT};
    is(write(file, "x", 1), 1, "a server that cannot keep a writer is asked again");
    prepare(-EAGAIN, "", 0);
    fcntl(file, F_SETFL, O_NONBLOCK);
    fails(write(file, "x", 1), EAGAIN, "unless the program does not wait");
    ok(asked.arg[0] == IO_NONBLOCK, "which the server is told");
    fcntl(file, F_SETFL, 0);
    prepare(-EIO, "", 0);
    ok(poll(&entry, 1, 0) == 1 && entry.revents == POLLERR, "poll of a failing server");
}

/* What asked for a reply hears of the server's death. */
static void test_death(int file)
{
    pthread_t thread;
    char byte;
    int64_t mortal = sys_port_create(4);
    int64_t session = sys_handle_duplicate((handle_t)mortal, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    int descriptor =
        __libc_descriptor_add(__libc_open_file_make((handle_t)session, O_RDWR, NULL), 0, false);
    (void)file, (void)thread;
    sys_handle_close((handle_t)mortal);
    fails(read(descriptor, &byte, 1), EIO, "a dead server is an I/O error");
    struct pollfd entry = {.fd = descriptor, .events = POLLIN};
    ok(poll(&entry, 1, -1) == 1 && entry.revents == POLLERR, "poll says so");
    close(descriptor);
}

int main(void)
{
    pthread_t thread;
    port = (handle_t)sys_port_create(16);
    pthread_create(&thread, NULL, serve, NULL);
    int terminal = make_descriptor(O_RDWR);
    test_attributes(terminal);
    test_requests(terminal);
    test_job_control(terminal);
    test_lies(terminal);
    test_entries(terminal);
    test_full(terminal);
    test_death(terminal);
    close(terminal);
    return tap_end();
}
