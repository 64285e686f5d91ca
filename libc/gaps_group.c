/*
 * <grp.h>: the groups in /etc/group, of which newlib has no function.
 *
 * What getgrent(), getgrnam() and getgrgid() return is good until the next call of one of them.
 */
#include "colon_file.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_FILE "/etc/group"
#define BUFFER_BYTES 2048

enum { NAME, PASSWORD, GID, MEMBERS, FIELDS };

static FILE *entries;
static struct group shared_group;
static char shared_buffer[BUFFER_BYTES];

/*
 * Makes `list`, names separated by commas, a null-terminated array of them in the free bytes of a
 * buffer that ends at `end`; null if they do not fit.
 */
static char **member_array(char *list, char *end)
{
    char *free_bytes = list + strlen(list) + 1, *rest = 0;
    size_t room, count = 0;
    char **members;

    free_bytes += -(uintptr_t)free_bytes % sizeof(char *);
    if (free_bytes > end || (room = (size_t)(end - free_bytes) / sizeof(char *)) < 1)
        return 0;
    members = (char **)(void *)free_bytes;
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(0, ",", &rest)) {
        if (count + 1 >= room)
            return 0;
        members[count++] = name;
    }
    members[count] = 0;
    return members;
}

/* The next group of the file: 1, 0 at the end, -ERANGE. */
static int read_group(FILE *file, struct group *group, char *buffer, size_t size)
{
    char *fields[FIELDS];
    unsigned gid;
    int status;

    while ((status = colon_read(file, buffer, size, fields, FIELDS)) > 0) {
        if (!colon_number(fields[GID], &gid))
            continue;
        group->gr_name = fields[NAME];
        group->gr_passwd = fields[PASSWORD];
        group->gr_gid = gid;
        group->gr_mem = member_array(fields[MEMBERS], buffer + size);
        return group->gr_mem ? 1 : -ERANGE;
    }
    return status;
}

void setgrent(void)
{
    if (entries)
        rewind(entries);
}

void endgrent(void)
{
    if (entries)
        fclose(entries);
    entries = 0;
}

struct group *getgrent(void)
{
    int status;

    if (!entries && !(entries = fopen(GROUP_FILE, "re")))
        return 0;
    status = read_group(entries, &shared_group, shared_buffer, sizeof shared_buffer);
    if (status < 0)
        errno = -status;
    return status > 0 ? &shared_group : 0;
}

/* The group called `name`, or without a name the one numbered `gid`. */
static int look_up(const char *name, gid_t gid, struct group *group, char *buffer, size_t size,
                   struct group **result)
{
    FILE *file = fopen(GROUP_FILE, "re");
    int status;

    *result = 0;
    if (!file)
        return errno == ENOENT ? 0 : errno;
    while ((status = read_group(file, group, buffer, size)) > 0) {
        if (name ? !strcmp(group->gr_name, name) : group->gr_gid == gid) {
            *result = group;
            break;
        }
    }
    fclose(file);
    return status < 0 ? -status : 0;
}

int getgrnam_r(const char *name, struct group *group, char *buffer, size_t size,
               struct group **result)
{
    return look_up(name, 0, group, buffer, size, result);
}

int getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, struct group **result)
{
    return look_up(0, gid, group, buffer, size, result);
}

static struct group *look_up_shared(const char *name, gid_t gid)
{
    struct group *result;
    int error = look_up(name, gid, &shared_group, shared_buffer, sizeof shared_buffer, &result);

    if (error)
        errno = error;
    return result;
}

struct group *getgrnam(const char *name)
{
    return look_up_shared(name, 0);
}

struct group *getgrgid(gid_t gid)
{
    return look_up_shared(0, gid);
}

static int is_member(const struct group *group, const char *user)
{
    for (char **member = group->gr_mem; *member; member++) {
        if (!strcmp(*member, user))
            return 1;
    }
    return 0;
}

static int is_listed(const gid_t *groups, int count, gid_t gid)
{
    for (int i = 0; i < count; i++) {
        if (groups[i] == gid)
            return 1;
    }
    return 0;
}

/*
 * Of BSD: puts `base` and the groups of `user` into `groups`, each once; *count is how many there
 * is room for, and then how many there are.  Returns *count, or -1 if there was not room for all.
 * What the other functions have returned stays good.
 */
int getgrouplist(const char *user, gid_t base, gid_t *groups, int *count)
{
    int room = *count, found = 0, stored = 0;
    char buffer[BUFFER_BYTES];
    struct group group;
    FILE *file = fopen(GROUP_FILE, "re");

    if (room > 0)
        groups[stored++] = base;
    found++;
    while (file && read_group(file, &group, buffer, sizeof buffer) > 0) {
        if (group.gr_gid == base || is_listed(groups, stored, group.gr_gid) ||
            !is_member(&group, user))
            continue;
        if (stored < room)
            groups[stored++] = group.gr_gid;
        found++;
    }
    if (file)
        fclose(file);
    *count = found;
    return found <= room ? found : -1;
}
