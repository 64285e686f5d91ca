/*
 * Names: directories, links, renaming, paths, the working directory, modes and times.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "tap.h"

static void fails(long result, int error, const char *name)
{
    int seen = errno;
    ok(result == -1 && seen == error, name);
    if (result != -1 || seen != error)
        printf("#   result %ld, errno %d, wanted %d\n", result, seen, error);
}

static void touch(const char *name)
{
    close(open(name, O_WRONLY | O_CREAT, 0666));
}

static void test_directories(void)
{
    struct stat status;
    umask(027);
    is(mkdir("/d", 0777), 0, "mkdir");
    ok(stat("/d", &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & 0777) == 0750,
       "with the umask taken off");
    is(umask(022), 027, "umask gives the one before");
    fails(mkdir("/d", 0777), EEXIST, "mkdir once");
    fails(mkdir("/", 0777), EEXIST, "nor the root");
    is(mkdir("/d/e/", 0777), 0, "a slash at the end");
    touch("/d/e/file");
    fails(rmdir("/d/e"), ENOTEMPTY, "rmdir of what is not empty");
    fails(rmdir("/d/e/file"), ENOTDIR, "or no directory");
    fails(unlink("/d/e"), EISDIR, "unlink of a directory");
    fails(rmdir("/d/."), EINVAL, "rmdir of .");
    is(unlink("/d/e/file"), 0, "unlink");
    is(remove("/d/e"), 0, "remove");
    fails(stat("/d/e", &status), ENOENT, "gone");
}

static void test_paths(void)
{
    char text[PATH_MAX], name[NAME_MAX + 2], *found;
    struct stat status;
    touch("/d/f");
    ok(stat("//d/./x/..///f", &status) == 0, "dots and slashes");
    ok(stat("/../../d/f", &status) == 0, "above the root is the root");
    is(chdir("/d"), 0, "chdir");
    ok(getcwd(text, sizeof text) && strcmp(text, "/d") == 0, "getcwd");
    ok(stat("f", &status) == 0 && stat("../d/f", &status) == 0, "relative paths");
    fails(chdir("f"), ENOTDIR, "chdir to a file");
    errno = 0;
    ok(getcwd(text, 2) == NULL && errno == ERANGE, "getcwd with little room");
    found = getcwd(NULL, 0);
    ok(found && strcmp(found, "/d") == 0, "or as much as it takes");
    free(found);
    int root = open("/", O_RDONLY | O_DIRECTORY);
    ok(root >= 0 && fstatat(root, "d/f", &status, 0) == 0, "relative to a descriptor");
    is(openat(root, "/d/f", O_RDONLY), root + 1, "or not, if absolute");
    fails(fstatat(root + 1, "x", &status, 0), ENOTDIR, "of a file");
    fails(fstatat(500, "x", &status, 0), EBADF, "of none");
    is(mkdirat(root, "g", 0777), 0, "mkdirat");
    is(fchdir(root), 0, "fchdir");
    is(unlinkat(AT_FDCWD, "g", AT_REMOVEDIR), 0, "unlinkat");
    close(root), close(root + 1);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    fails(stat(name, &status), ENAMETOOLONG, "a name that is too long");
    name[NAME_MAX] = 0;
    fails(stat(name, &status), ENOENT, "and one that just is not");
    memset(text, '/', sizeof text);
    fails(stat(text, &status), ENAMETOOLONG, "a path that is too long");
}

static void test_links(void)
{
    char text[PATH_MAX] = "", *found;
    struct stat status, other;
    is(symlink("/d/f", "/link"), 0, "symlink");
    is(readlink("/link", text, sizeof text), 4, "readlink");
    ok(memcmp(text, "/d/f", 4) == 0 && readlink("/link", text, 2) == 2, "gives the text");
    ok(lstat("/link", &status) == 0 && S_ISLNK(status.st_mode), "lstat");
    ok(stat("/link", &status) == 0 && S_ISREG(status.st_mode), "stat follows");
    fails(readlink("/d/f", text, 5), EINVAL, "readlink of no link");
    symlink("d", "/dirlink");
    ok(stat("/dirlink/f", &status) == 0, "a link on the way");
    symlink("../dirlink", "/d/up");
    ok(stat("/d/up/f", &status) == 0 && stat("/d/up/up/up/f", &status) == 0, "links to links");
    ok(lstat("/d/up/", &status) == 0 && S_ISDIR(status.st_mode), "a slash follows");
    found = realpath("/d/./up/up/../f", NULL);
    ok(found && strcmp(found, "/d/f") == 0, "realpath");
    free(found);
    ok(realpath("/d/none", NULL) == NULL && errno == ENOENT, "of nothing");
    symlink("loop", "/loop");
    fails(stat("/loop", &status), ELOOP, "a loop");
    fails(open("/link", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW");
    is(link("/d/f", "/hard"), 0, "link");
    ok(stat("/hard", &status) == 0 && stat("/d/f", &other) == 0 && status.st_ino == other.st_ino &&
           status.st_nlink == 2,
       "is the same file");
    fails(link("/d/f", "/hard"), EEXIST, "link once");
    unlink("/hard"), unlink("/loop"), unlink("/d/up"), unlink("/dirlink"), unlink("/link");
    fails(symlink("", "/x"), ENOENT, "a link to nothing");
    fails(symlink("x", "/d"), EEXIST, "where something is");
}

static void test_rename(void)
{
    struct stat status;
    touch("/one"), touch("/two");
    is(rename("/one", "/d/three"), 0, "rename");
    ok(stat("/one", &status) < 0 && stat("/d/three", &status) == 0, "moves");
    is(rename("/two", "/d/three"), 0, "and replaces");
    mkdir("/d/sub", 0777);
    fails(rename("/d", "/d/sub/x"), EINVAL, "not below itself");
    fails(rename("/none", "/x"), ENOENT, "nothing");
    fails(rename("/d/three", "/d/sub"), EISDIR, "a file over a directory");
    fails(rename("/d/sub", "/d/three"), ENOTDIR, "a directory over a file");
    fails(rename("/", "/x"), EBUSY, "nor the root");
    rmdir("/d/sub"), unlink("/d/three");
}

static void test_attributes(void)
{
    struct stat status;
    struct timespec times[2] = {{1000000000, 5}, {1100000000, 999999999}};
    struct timeval coarse[2] = {{5, 6}, {7, 8}};
    struct utimbuf old = {11, 12};
    struct statvfs usage;
    is(chmod("/d/f", 04751), 0, "chmod");
    ok(stat("/d/f", &status) == 0 && (status.st_mode & 07777) == 04751, "sets the mode");
    is(chown("/d/f", 5, (gid_t)-1), 0, "chown");
    ok(stat("/d/f", &status) == 0 && status.st_uid == 5 && status.st_gid == 0, "of one alone");
    is(utimensat(AT_FDCWD, "/d/f", times, 0), 0, "utimensat");
    ok(stat("/d/f", &status) == 0 && status.st_atim.tv_sec == 1000000000 &&
           status.st_mtim.tv_nsec == 999999999,
       "to the nanosecond");
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = 77;
    int file = open("/d/f", O_RDWR);
    is(futimens(file, times), 0, "futimens");
    ok(fstat(file, &status) == 0 && status.st_atim.tv_sec == 1000000000 && status.st_mtime == 77,
       "UTIME_OMIT");
    is(fchmod(file, 0600), 0, "fchmod");
    is(fchown(file, 0, 0), 0, "fchown");
    close(file);
    times[1].tv_nsec = 1000000000;
    fails(utimensat(AT_FDCWD, "/d/f", times, 0), EINVAL, "not a time");
    ok(utimes("/d/f", coarse) == 0 && stat("/d/f", &status) == 0 && status.st_mtim.tv_nsec == 8000,
       "utimes");
    ok(utime("/d/f", &old) == 0 && stat("/d/f", &status) == 0 && status.st_mtime == 12, "utime");
    is(access("/d/f", R_OK | W_OK), 0, "access");
    fails(access("/d/f", X_OK), EACCES, "no x bit");
    fails(access("/none", F_OK), ENOENT, "nothing");
    fails(access("/d/f", 8), EINVAL, "no such mode");
    is(statvfs("/d", &usage), 0, "statvfs");
    ok(usage.f_bsize >= 512 && usage.f_blocks >= usage.f_bfree && usage.f_namemax == 255, "says");
    ok(pathconf("/d", _PC_NAME_MAX) == 255 && pathconf("/d", _PC_PIPE_BUF) == 4096, "pathconf");
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int seen_by_walk;
static int walked(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)path, (void)status, (void)where;
    seen_by_walk += kind == FTW_F;
    return 0;
}

static void test_listing(void)
{
    enum { COUNT = 300 };
    static int numbers[COUNT];
    char name[40];
    int count = 0, dots = 0;
    bool good = true;
    struct dirent *entry;
    mkdir("/many", 0777);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "/many/file-number-%d", i);
        touch(name);
    }
    DIR *directory = opendir("/many");
    long middle = -1;
    ino_t there = 0;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            dots++;
        else if (count < COUNT)
            numbers[count++] = atoi(entry->d_name + strlen("file-number-"));
        good &= entry->d_type == (entry->d_name[0] == '.' ? DT_DIR : DT_REG) && entry->d_ino != 0;
        if (count == COUNT / 2) {
            middle = telldir(directory);
            there = 0;
        } else if (count == COUNT / 2 + 1 && there == 0) {
            there = entry->d_ino;
        }
    }
    qsort(numbers, (size_t)count, sizeof numbers[0], compare);
    for (int i = 0; i < count; i++)
        good &= numbers[i] == i;
    ok(good && count == COUNT && dots == 2, "readdir lists each once, and the dots");
    seekdir(directory, middle);
    entry = readdir(directory);
    ok(entry && entry->d_ino == there, "seekdir goes where telldir was");
    rewinddir(directory);
    entry = readdir(directory);
    ok(entry && strcmp(entry->d_name, ".") == 0, "rewinddir");
    ok(dirfd(directory) >= 3 && closedir(directory) == 0, "dirfd, closedir");
    ok(opendir("/d/f") == NULL && errno == ENOTDIR, "opendir of a file");
    ok(opendir("/none") == NULL && errno == ENOENT, "of nothing");
    int file = open("/many", O_RDONLY);
    directory = fdopendir(file);
    ok(directory && readdir(directory) && closedir(directory) == 0, "fdopendir");
    struct dirent **list;
    is(scandir("/many", &list, NULL, alphasort), COUNT + 2, "scandir");
    ok(strcmp(list[2]->d_name, "file-number-0") == 0 &&
           strcmp(list[COUNT + 1]->d_name, "file-number-99") == 0,
       "sorts");
    is(nftw("/many", walked, 10, FTW_PHYS), 0, "nftw");
    is(seen_by_walk, COUNT, "sees all");
    glob_t found;
    ok(glob("/many/file-number-2[0-4]", 0, NULL, &found) == 0 && found.gl_pathc == 5, "glob");
    globfree(&found);
}

int main(void)
{
    test_directories();
    test_paths();
    test_links();
    test_rename();
    test_attributes();
    test_listing();
    return tap_end();
}
