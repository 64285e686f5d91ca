/*
 * Who the process acts for.  There is one user so far, the superuser: what a program may do is
 * decided by the handles that it was given, not by this number.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

int issetugid(void);

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

int getgroups(int size, gid_t groups[])
{
    (void)groups;
    return size < 0 ? (int)call_return(-EINVAL) : 0;
}

int issetugid(void)
{
    return 0;
}

/* Another number is not one that this system supports. */
static int become(uint32_t number)
{
    return number == 0 ? 0 : (int)call_return(-EINVAL);
}

/* (uid_t)-1: as it is. */
static int become_both(uint32_t real, uint32_t effective)
{
    return become(real == UINT32_MAX ? 0 : real) < 0
               ? -1
               : become(effective == UINT32_MAX ? 0 : effective);
}

int setuid(uid_t user)
{
    return become(user);
}

int seteuid(uid_t user)
{
    return become(user);
}

int setreuid(uid_t real, uid_t effective)
{
    return become_both(real, effective);
}

int setgid(gid_t group)
{
    return become(group);
}

int setegid(gid_t group)
{
    return become(group);
}

int setregid(gid_t real, gid_t effective)
{
    return become_both(real, effective);
}

/* The user's name, as /etc/passwd has it. */
int getlogin_r(char *name, size_t size)
{
    const struct passwd *entry = getpwuid(getuid());
    if (entry == NULL)
        return ENXIO;
    if (strlen(entry->pw_name) >= size)
        return ERANGE;
    strcpy(name, entry->pw_name);
    return 0;
}

char *getlogin(void)
{
    static char name[LOGIN_NAME_MAX];
    int error = getlogin_r(name, sizeof name);
    if (error)
        errno = error;
    return error ? NULL : name;
}
