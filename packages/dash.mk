# dash: /bin/sh, with line editing and history by libedit.
#
# Debian's fixes are taken where they are about what the shell does, not about how Debian builds it.

dash_file := dash_0.5.12.orig.tar.gz
dash_needs := $(build)/packages/libedit/compiled
dash_fixes := dash_0.5.12-2.debian.tar.xz \
    0007-Don-t-execute-binary-files-if-execve-returned-ENOEXE.diff \
    0009-dash-Fix-stack-overflow-from-infinite-recursion-in-s.patch \
    0017-histedit-Fix-infinite-loop-when-using-fc--s.patch \
    0018-builtin-Don-t-early-exit-when-first-hash-r-is-found.patch

# newlib's getopt(), as glibc's, starts anew when optind is 0.
dash_edit = sed -i 's/^.ifdef __GLIBC__$$/\#if 1/' src/histedit.c

# What configure would find out by linking, and does not while libc is built: all these are POSIX.
dash_known := $(patsubst %,ac_cv_func_%=yes,bsearch faccessat fnmatch getpwnam getrlimit glob \
    isalpha killpg mempcpy stpcpy strchrnul strsignal strtod strtoimax strtoumax sysconf) \
    ac_cv_header_histedit_h=yes ac_cv_lib_edit_el_init=yes

# One of dash's generators, run on the host, makes the table of signal names from <signal.h>: it
# gets Portolan's signals.
dash_compile = mkdir -p host; \
    echo '\#include <signal.h>' | x86_64-portolan-gcc -E -dM - | \
        grep -E '^.define (_?NSIG|SIG[A-Z0-9]+) [(A-Z0-9]' > host/signal.h; \
    ./configure --host=x86_64-portolan --build=x86_64-linux-gnu $(dash_known) \
        CC=x86_64-portolan-gcc CFLAGS='-std=gnu99 $(package_cflags)' \
        CPPFLAGS=-I$(libedit_stage)/include LDFLAGS=-L$(libedit_stage)/lib \
        CC_FOR_BUILD='$(CC) -I$(dash_source)/host' --with-libedit; \
    $(package_make) -C src V=1 CCLD=:
dash_link = rm -f src/dash; $(package_make) -C src V=1 dash; \
    x86_64-portolan-strip -s -o $(dash_root)/bin/sh src/dash

$(eval $(call package,dash))
