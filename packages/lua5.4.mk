# Lua: /bin/lua, the interpreter, unmodified but for two bug fixes that Debian ships.
#
# Its own configuration is told three things: that it is on a POSIX system (popen, mkstemp, isatty,
# signals), that lines are read with readline(), which is libedit's, and that its modules are under
# /usr instead of /usr/local.

lua5.4_file := lua5.4_5.4.4.orig.tar.gz
lua5.4_fixes := lua5.4_5.4.4-3+deb12u1.debian.tar.xz 0004-cve-2022-28805.patch 0005-cve-2022-33099.patch
lua5.4_needs := $(build)/packages/libedit/compiled
lua5.4_edit = sed -i 's|"/usr/local/"|"/usr/"|' src/luaconf.h

lua5.4_arguments = CC=x86_64-portolan-gcc AR='x86_64-portolan-ar rc' RANLIB=x86_64-portolan-ranlib \
    SYSCFLAGS='-DLUA_USE_POSIX -DLUA_USE_READLINE' \
    MYCFLAGS='-std=gnu99 $(package_cflags) -I$(libedit_stage)/include' \
    MYLDFLAGS=-L$(libedit_stage)/lib MYLIBS=-ledit
lua5.4_compile = $(package_make) -C src $(lua5.4_arguments) liblua.a lua.o
lua5.4_link = rm -f src/lua; $(package_make) -C src $(lua5.4_arguments) lua; \
    x86_64-portolan-strip -s -o $(lua5.4_root)/bin/lua src/lua

$(eval $(call package,lua5.4))
