/*
 * getpwnam_r() and getpwuid_r(); newlib has the rest of <pwd.h>.
 */
#include "colon_file.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#define PASSWD_FILE "/etc/passwd"

enum { NAME, PASSWORD, UID, GID, GECOS, DIRECTORY, SHELL, FIELDS };

static int fill(struct passwd *user, char **fields)
{
    unsigned uid, gid;

    if (!colon_number(fields[UID], &uid) || !colon_number(fields[GID], &gid))
        return 0;
    user->pw_name = fields[NAME];
    user->pw_passwd = fields[PASSWORD];
    user->pw_uid = uid;
    user->pw_gid = gid;
    user->pw_comment = user->pw_gecos = fields[GECOS];
    user->pw_dir = fields[DIRECTORY];
    user->pw_shell = fields[SHELL];
    return 1;
}

/* The user called `name`, or without a name the one numbered `uid`. */
static int look_up(const char *name, uid_t uid, struct passwd *user, char *buffer, size_t size,
                   struct passwd **result)
{
    char *fields[FIELDS];
    FILE *file = fopen(PASSWD_FILE, "re");
    int status;

    *result = 0;
    if (!file)
        return errno == ENOENT ? 0 : errno;
    while ((status = colon_read(file, buffer, size, fields, FIELDS)) > 0) {
        if (fill(user, fields) && (name ? !strcmp(user->pw_name, name) : user->pw_uid == uid)) {
            *result = user;
            break;
        }
    }
    fclose(file);
    return status < 0 ? -status : 0;
}

int getpwnam_r(const char *name, struct passwd *user, char *buffer, size_t size,
               struct passwd **result)
{
    return look_up(name, 0, user, buffer, size, result);
}

int getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t size, struct passwd **result)
{
    return look_up(0, uid, user, buffer, size, result);
}
