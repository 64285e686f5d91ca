# toybox: the commands in packages/toybox-commands, as one program with a symbolic link for each.

toybox_file := toybox_0.8.9+dfsg.orig.tar.xz
toybox_commands := $(shell sed 's/\#.*//' packages/toybox-commands)
toybox_edit = $(CURDIR)/packages/toybox-edit .; cp $(CURDIR)/packages/toybox-portolan.c lib/portolan.c

toybox_environment = CROSS_COMPILE=x86_64-portolan- CC=gcc HOSTCC=$(CC) \
    CFLAGS='-std=gnu11 -D_GNU_SOURCE -fno-asynchronous-unwind-tables'
# `TEST' and the like are y when the command is wanted; all else is as toybox means it to be.
toybox_compile = { echo CONFIG_TOYBOX_FLOAT=y; echo CONFIG_TOYBOX_HELP=y; \
        echo CONFIG_TOYBOX_HELP_DASHDASH=y; for command in $(toybox_commands); do \
            echo CONFIG_$$command=y | tr a-z A-Z | sed 's/=Y/=y/'; done; } > commands; \
    $(package_make) $(toybox_environment) allnoconfig KCONFIG_ALLCONFIG=commands; \
    $(package_make) $(toybox_environment)
toybox_link = x86_64-portolan-gcc -o generated/toybox generated/obj/*.o; \
    x86_64-portolan-strip -s -o $(toybox_root)/bin/toybox generated/toybox; \
    for command in $(toybox_commands); do ln -s toybox $(toybox_root)/bin/$$command; done

$(eval $(call package,toybox))
