# libedit: line editing and history, a library that dash and lua are linked with.
# build/packages/libedit/stage/ holds what a program includes and links; libedit answers to readline's
# names, too.

libedit_file := libedit_3.1-20221030.orig.tar.gz
libedit_stage := $(packages_build)/libedit/stage
# It defines CTRL() itself where <sys/ttydefaults.h> does not; Portolan has no such header.  A read
# that a signal ends (a background job's end) is repeated, or the shell takes it for the end of input.
libedit_edit = sed -i '/include <sys.ttydefaults.h>/d' src/editline/readline.h; \
    sed -i 's/^\t\tif (!tried \&\& read__fixio/\t\tif (e == EINTR)\n\t\t\tgoto again;\n&/' src/read.c; \
    grep -q 'e == EINTR' src/read.c
# configure finds functions by linking, which it cannot while libc is built; it takes <termcap.h>
# where there is no curses.  wchar_t is ISO 10646, which only glibc says.
libedit_known := ac_cv_lib_ncurses_tgetent=no ac_cv_lib_curses_tgetent=no \
    ac_cv_lib_termcap_tgetent=yes ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes \
    ac_cv_func_lstat_dereferences_slashed_symlink=yes ac_cv_func_stat_empty_string_bug=no \
    ac_cv_func_getpwnam_r_posix=yes ac_cv_func_getpwuid_r_posix=yes ac_cv_func_fork_works=yes \
    ac_cv_func_vfork_works=yes \
    $(patsubst %,ac_cv_func_%=yes,endpwent isascii memchr memset regcomp strcasecmp strchr strcspn \
        strdup strerror strrchr strstr strtol wcsdup strlcpy strlcat getline fork vfork) \
    $(patsubst %,ac_cv_func_%=no,re_comp issetugid vis unvis strvis strunvis __secure_getenv \
        secure_getenv reallocarr)
libedit_objects := chared common el eln emacs hist keymacro map chartype parse prompt read refresh \
    search sig terminal tty vi reallocarr tokenizer tokenizern history historyn filecomplete \
    readline literal vis unvis
libedit_headers := vi.h emacs.h common.h fcns.h help.h func.h

libedit_compile = ./configure --host=x86_64-elf --build=x86_64-linux-gnu --disable-shared \
        CC=x86_64-portolan-gcc AR=x86_64-portolan-ar RANLIB=x86_64-portolan-ranlib LIBS= \
        CFLAGS='-std=gnu99 $(package_cflags) -D_GNU_SOURCE -D__STDC_ISO_10646__=201706L' \
        $(libedit_known); \
    $(package_make) -C src $(libedit_headers); \
    $(package_make) -C src $(libedit_objects:=.o); \
    mkdir -p $(libedit_stage)/include/editline $(libedit_stage)/lib; \
    rm -f $(libedit_stage)/lib/libedit.a; \
    (cd src; x86_64-portolan-ar rcsD $(libedit_stage)/lib/libedit.a $(libedit_objects:=.o)); \
    cp src/histedit.h $(libedit_stage)/include; \
    cp src/editline/readline.h $(libedit_stage)/include/editline; \
    mkdir -p $(libedit_stage)/include/readline; \
    for name in readline history; do \
        echo '\#include <editline/readline.h>' > $(libedit_stage)/include/readline/$$name.h; done
libedit_link = :

$(eval $(call package,libedit))
