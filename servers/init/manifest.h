/*
 * The boot manifest: which programs and servers there are, when each is started, and with what.  A
 * plain text file; boot/manifest describes it.  Nothing in it is trusted.  Pure: no system call.
 *
 * manifest_read leaves a manifest in which every name that a stanza refers to is a server's index,
 * and no server needs itself, not even by way of others.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <portolan/types.h>

#define MANIFEST_PROGRAMS_MAX 64u
#define MANIFEST_SERVERS_MAX 32u
#define MANIFEST_NAME_MAX 32u
#define MANIFEST_PATH_MAX 64u
#define MANIFEST_WORDS_MAX 192u
#define MANIFEST_NEEDS_MAX 8u
#define MANIFEST_GRANTS_MAX 16u
#define MANIFEST_DEVICE_IDS_MAX 4u
#define MANIFEST_PCI "pci" /* the server that finds devices */

enum manifest_class { CLASS_NONE = 0, CLASS_TEST, CLASS_BENCH, CLASS_BENCH_SMP };
enum { GRANT_ROOT = 1u << 0, GRANT_LOG = 1u << 1, GRANT_BOOT = 1u << 2 };

/* A program that runs once: a test or a benchmark. */
struct manifest_program {
    char name[MANIFEST_NAME_MAX];
    uint32_t class, grants;
    uint64_t budget, timeout; /* bytes, seconds */
};

enum grant_kind {
    GIVE_ROOT = 0,
    GIVE_LOG,
    GIVE_POWER,
    GIVE_CLOCK,
    GIVE_BOOT,
    GIVE_ARCHIVE, /* name: a member of the boot module, or "" */
    GIVE_PROCESS, /* server: it is started as a process of the server called "process" */
    GIVE_FRAMEBUFFER,
    GIVE_INIT,
    GIVE_TREE, /* the port of the server called "names" */
    GIVE_IRQ,  /* base */
    GIVE_IOPORT,
    GIVE_PHYSICAL, /* base, length */
    GIVE_MSI,      /* message interrupts: no line */
    GIVE_PORT,     /* server; base: its badge */
    GIVE_TERMINAL, /* server: the same, as the handle "terminal" */
    GIVE_KINDS
};

struct manifest_grant {
    enum grant_kind kind;
    uint32_t line, server; /* its index */
    uint64_t base, length;
    char name[MANIFEST_NAME_MAX]; /* of a port's server */
};

struct manifest_need {
    uint32_t line, server; /* its index */
    char name[MANIFEST_NAME_MAX];
};

struct manifest_device_id {
    uint16_t vendor, id;
};

enum manifest_restart { RESTART_ALWAYS = 0, RESTART_ON_FAILURE, RESTART_NEVER };

/* A program that is kept running: a server, or what runs on a terminal. */
struct manifest_server {
    char name[MANIFEST_NAME_MAX], binary[MANIFEST_NAME_MAX];
    char mount[MANIFEST_PATH_MAX];  /* if `mounted`: "" is the root */
    char words[MANIFEST_WORDS_MAX]; /* word_count words, a NUL after each */
    uint32_t line, word_count, words_length;
    bool console; /* has no port of its own */
    bool trusted; /* may use DMA where there is no IOMMU */
    bool mounted;
    bool tree; /* is mounted as a tree, not as a single node */
    enum manifest_restart restart;
    int32_t priority;
    uint64_t budget;     /* bytes, or */
    uint32_t percentage; /* of the memory that is free at the start, if not 0 */
    uint32_t need_count, grant_count;
    struct manifest_need needs[MANIFEST_NEEDS_MAX];
    struct manifest_grant grants[MANIFEST_GRANTS_MAX];
    /* It drives the device number device_index of those with one of these ids; or none: no ids. */
    uint32_t device_line, device_index, device_id_count;
    struct manifest_device_id device_ids[MANIFEST_DEVICE_IDS_MAX];
};

struct manifest {
    struct manifest_program programs[MANIFEST_PROGRAMS_MAX];
    struct manifest_server servers[MANIFEST_SERVERS_MAX];
    uint32_t count, server_count;
    uint32_t bad_line;   /* on failure: its number, from 1, */
    const char *problem; /* and what is wrong with it */
};

#define MANIFEST_NOBODY UINT32_MAX

/* Reads a manifest of `size` bytes.  False: bad_line and problem say where and why. */
bool manifest_read(const char *text, uint64_t size, struct manifest *manifest);

/* The index of the server of that name, or MANIFEST_NOBODY. */
uint32_t manifest_find(const struct manifest *manifest, const char *name);

#endif
