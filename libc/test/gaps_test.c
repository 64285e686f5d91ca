/*
 * What newlib lacks or gets wrong and libc/gaps_*.c has: groups, users, lists of filesystems,
 * strptime(), dirname(), what terminals can do.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <mntent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termcap.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ok(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void test_groups(void)
{
    gid_t groups[4];
    int count = 4;
    char buffer[256];
    struct group group, *found;

    ok(!getgrnam("root"), "without /etc/group there is no group");
    write_file("/etc/group",
               "root::0:\nbroken:line\nstaff:*:50:ann,bob\nbad::x1:ann\nwheel::10:bob");
    found = getgrnam("staff");
    ok(found && found->gr_gid == 50 && !strcmp(found->gr_mem[0], "ann") &&
           !strcmp(found->gr_mem[1], "bob") && !found->gr_mem[2],
       "getgrnam: number and members");
    is(getgrouplist("bob", 7, groups, &count), 3, "getgrouplist counts");
    ok(count == 3 && groups[0] == 7 && groups[1] == 50 && groups[2] == 10, "and lists them");
    ok(found->gr_gid == 50, "what getgrnam gave is still there");
    count = 1;
    ok(getgrouplist("bob", 7, groups, &count) == -1 && count == 3, "-1 where there is no room");
    found = getgrgid(10);
    ok(found && !strcmp(found->gr_name, "wheel"), "getgrgid; the last line needs no newline");
    ok(!getgrnam("bad") && !getgrgid(99), "a number that is none is not taken");
    is(getgrgid_r(50, &group, buffer, 16, &found), ERANGE, "a buffer too small for the line");
    is(getgrgid_r(50, &group, buffer, 24, &found), ERANGE, "or for the members");
    ok(!found, "gives no group");
    setgrent();
    ok(getgrent() && getgrent() && (found = getgrent()) && !strcmp(found->gr_name, "wheel") &&
           !getgrent(),
       "getgrent passes all that are right");
    endgrent();
}

static void test_users(void)
{
    char buffer[128];
    struct passwd user, *found;

    write_file("/etc/passwd", "# users\nroot::0:0:Root:/root:/bin/sh\nann:*:100:50::/home/ann:\n");
    is(getpwnam_r("ann", &user, buffer, sizeof buffer, &found), 0, "getpwnam_r");
    ok(found == &user && user.pw_uid == 100 && user.pw_gid == 50 &&
           !strcmp(user.pw_dir, "/home/ann") && !*user.pw_shell,
       "finds ann");
    is(getpwuid_r(0, &user, buffer, sizeof buffer, &found), 0, "getpwuid_r");
    ok(found && !strcmp(user.pw_gecos, "Root"), "finds root");
    is(getpwuid_r(1, &user, buffer, sizeof buffer, &found), 0, "nobody is no error");
    ok(!found, "but no user");
    is(getpwuid_r(0, &user, buffer, 8, &found), ERANGE, "ERANGE");
}

static void test_mounts(void)
{
    FILE *file;
    struct mntent *entry;

    write_file("/etc/fstab",
               "# device\n\n/dev/a\\040b /mnt\\0401 ext4 ro,size=5,noauto 1 2\nshort line\n"
               "tmpfs\t/tmp tmpfs rw");
    file = setmntent("/etc/fstab", "r");
    entry = file ? getmntent(file) : 0;
    ok(entry && !strcmp(entry->mnt_fsname, "/dev/a b") && !strcmp(entry->mnt_dir, "/mnt 1") &&
           entry->mnt_freq == 1 && entry->mnt_passno == 2,
       "getmntent decodes blanks");
    ok(entry && hasmntopt(entry, "size") == entry->mnt_opts + 3 && hasmntopt(entry, "ro") &&
           !hasmntopt(entry, "r") && !hasmntopt(entry, "auto"),
       "hasmntopt finds whole options");
    entry = file ? getmntent(file) : 0;
    ok(entry && !strcmp(entry->mnt_dir, "/tmp") && !entry->mnt_freq, "a line of four words");
    ok(file && !getmntent(file), "and no more");
    is(endmntent(file), 1, "endmntent");

    file = setmntent(MOUNTED, "r");
    entry = file ? getmntent(file) : 0;
    ok(entry && !strcmp(entry->mnt_dir, "/") && !strcmp(entry->mnt_type, "tmpfs") &&
           hasmntopt(entry, "rw"),
       "what is mounted");
    ok(file && !getmntent(file), "devices are not in the list");
    ok(!file || endmntent(file) == 1, "its end");
}

/* What strptime() makes of a text, written as one. */
static const char *parsed(const char *text, const char *format)
{
    static char out[64];
    struct tm tm = {.tm_wday = -1, .tm_yday = -1};
    const char *rest = strptime(text, format, &tm);

    if (!rest)
        return "no";
    snprintf(out, sizeof out, "%d-%d-%d %d:%d:%d w%d y%d +%s", tm.tm_year, tm.tm_mon, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_wday, tm.tm_yday, rest);
    return out;
}

static void times(const char *text, const char *format, const char *wanted)
{
    const char *seen = parsed(text, format);

    ok(!strcmp(seen, wanted), format);
    if (strcmp(seen, wanted))
        printf("#   %s is %s, wanted %s\n", text, seen, wanted);
}

static void test_strptime(void)
{
    times("20240229235960x", "%Y%m%d%H%M%S", "124-1-29 23:59:60 w4 y59 +x");
    times("19991231", "%Y%m%d", "99-11-31 0:0:0 w5 y364 +");
    times("Thu, 1 Jan 1970", "%a, %d %b %Y", "70-0-1 0:0:0 w4 y0 +");
    times("thursday may 05 68", "%A %B %d %y", "168-4-5 0:0:0 w6 y125 +");
    times("69", "%y", "69-0-0 0:0:0 w-1 y-1 +");
    times("2012", "%C%y", "112-0-0 0:0:0 w-1 y-1 +");
    times("12:05 AM", "%I:%M %p", "0-0-0 0:5:0 w-1 y-1 +");
    times("12:05:06 pm", "%r", "0-0-0 12:5:6 w-1 y-1 +");
    times("  7:08", "%R", "0-0-0 7:8:0 w-1 y-1 +");
    times("100% 3", "100%% %u", "0-0-0 0:0:0 w3 y-1 +");
    times("2020-01-02T03:04:05Z!", "%FT%T%z", "120-0-2 3:4:5 w4 y1 +!");
    times("24:00", "%H:%M", "no");
    times("2020-13-01", "%F", "no");
    times("x", "%d", "no");
    times("1", "%Q", "no");
    times("1", "%", "no");
}

static void names_directory(const char *path, const char *wanted)
{
    char text[64];

    ok(!strcmp(dirname(strcpy(text, path)), wanted), path);
}

static void test_dirname(void)
{
    names_directory("/usr/lib", "/usr");
    names_directory("/usr///lib///", "/usr");
    names_directory("/usr/", "/");
    names_directory("usr", ".");
    names_directory("///", "/");
    names_directory("//a", "/");
    names_directory("", ".");
    ok(!strcmp(dirname(0), "."), "dirname of nothing");
}

static char put_text[16];

static int put(int c)
{
    return strncat(put_text, &(char){(char)c}, 1) ? c : EOF;
}

static void test_termcap(void)
{
    char buffer[64], *at = buffer, *text;

    is(tgetent(0, "vt52"), 0, "tgetent: an unknown terminal");
    is(tgetent(0, "xterm-256color"), 1, "and a known one");
    is(tgetnum("co"), 80, "tgetnum");
    is(tgetnum("zz"), -1, "of what it has not");
    ok(tgetflag("am") && !tgetflag("zz") && !tgetflag("co"), "tgetflag");
    text = tgetstr("ce", &at);
    ok(text == buffer && !strcmp(text, "\33[K") && at == buffer + 4, "tgetstr");
    ok(!tgetstr("am", 0), "of a flag");
    ok(!strcmp(tgoto(tgetstr("cm", 0), 4, 9), "\33[10;5H"), "tgoto");
    tputs("ab", 1, put);
    ok(!strcmp(put_text, "ab"), "tputs");
    ok(tgetent(0, "dumb") == 1 && !tgetstr("ce", 0), "a dumb terminal cannot");
}

int main(void)
{
    mkdir("/etc", 0755);
    test_groups();
    test_users();
    test_mounts();
    test_strptime();
    test_dirname();
    test_termcap();
    return tap_end();
}
