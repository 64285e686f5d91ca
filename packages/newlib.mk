# newlib, Portolan's C library above the system interface, and the compiler driver that uses it:
#
#   make -f packages/newlib.mk            build/toolchain: headers, libraries, x86_64-portolan-gcc
#   make -f packages/newlib.mk newlib     newlib alone
#
# newlib comes as Debian's newlib-source package; packages/newlib-edit makes the few edits it needs in
# place.  Headers in libc/include stand before newlib's own.

.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

build := build
newlib_version := 4.5.0.20241231
newlib_deb := $(build)/packages/newlib-source_$(newlib_version)-1_all.deb
newlib := $(build)/newlib
newlib_source := $(newlib)/newlib-$(newlib_version)
toolchain := $(build)/toolchain
sysroot := $(toolchain)/x86_64-portolan
overlay := $(shell find libc/include -type f | sort)
host_cc := gcc
gcc_include := $(shell $(host_cc) -print-file-name=include)
tools := ar as ld nm objcopy objdump ranlib readelf size strings strip

quiet := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) '$(2)')

.PHONY: toolchain newlib
toolchain: newlib $(toolchain)/portolan.specs $(toolchain)/bin/x86_64-portolan-gcc
newlib: $(newlib)/installed

# ---- Unpack and edit -----------------------------------------------------------------------------

$(newlib_deb): packages/pins
	$(call say,FETCH,newlib-source)
	$(quiet)packages/fetch newlib-source > /dev/null && touch $@

$(newlib)/unpacked: $(newlib_deb) packages/newlib-edit
	$(call say,UNPACK,newlib $(newlib_version))
	$(quiet)rm -rf $(newlib) && mkdir -p $(newlib)/deb
	$(quiet)dpkg-deb -x $(newlib_deb) $(newlib)/deb
	$(quiet)tar -xf $(newlib)/deb/usr/src/newlib/newlib-$(newlib_version).tar.xz -C $(newlib)
	$(quiet)packages/newlib-edit $(newlib_source)
	$(quiet)rm -rf $(newlib)/deb && touch $@

# ---- Compile -------------------------------------------------------------------------------------

# newlib is compiled by a driver of its own: the real one wants headers that this build installs.
newlib_cc_flags := -ffreestanding -nostdinc -fPIE -ftls-model=local-exec -fno-stack-protector \
    -fcf-protection=none -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix \
    -D__portolan__=1 -D_WANT_REENT_THREAD_LOCAL=1 -I$(CURDIR)/libc/include \
    -idirafter $(gcc_include)

$(newlib)/tools/made: packages/newlib.mk $(newlib)/unpacked
	$(quiet)mkdir -p $(@D)
	$(quiet)printf '#!/bin/sh\nexec $(host_cc) $(newlib_cc_flags) "$$@"\n' > $(@D)/x86_64-portolan-gcc
	$(quiet)chmod +x $(@D)/x86_64-portolan-gcc
	$(quiet)ln -sf x86_64-portolan-gcc $(@D)/x86_64-portolan-cc
	$(quiet)for tool in $(tools); do ln -sf $$(command -v $$tool) $(@D)/x86_64-portolan-$$tool; done
	$(quiet)touch $@

with_tools := PATH=$(CURDIR)/$(newlib)/tools:$$PATH

$(newlib)/configured: $(newlib)/unpacked $(newlib)/tools/made
	$(call say,CONF,newlib)
	$(quiet)rm -rf $(newlib)/build && mkdir $(newlib)/build
	$(quiet)cd $(newlib)/build && $(with_tools) ../newlib-$(newlib_version)/configure \
	    --target=x86_64-portolan --prefix=$(CURDIR)/$(toolchain) \
	    --disable-multilib --disable-libgloss \
	    --enable-newlib-reent-thread-local --enable-newlib-multithread \
	    --enable-newlib-retargetable-locking --enable-newlib-io-long-long \
	    --enable-newlib-io-c99-formats --enable-newlib-io-long-double \
	    --enable-newlib-io-pos-args --enable-newlib-mb --enable-newlib-iconv \
	    --enable-newlib-register-fini --disable-newlib-supplied-syscalls \
	    CFLAGS_FOR_TARGET="-O2 -g -fPIE" > $(CURDIR)/$(newlib)/configure.log 2>&1 || \
	    { tail -n 20 $(CURDIR)/$(newlib)/configure.log >&2; exit 1; }
	$(quiet)touch $@

# newlib's own makefiles know which of its files a changed header concerns, but not that a new one now
# stands before one of newlib's: then all is compiled again.
$(newlib)/installed: $(newlib)/configured $(overlay)
	$(call say,MAKE,newlib)
	$(quiet)echo '$(overlay)' | cmp -s - $(newlib)/overlay || find $(newlib)/build -name '*.o' -delete
	$(quiet)echo '$(overlay)' > $(newlib)/overlay
	$(quiet){ $(with_tools) $(MAKE) -C $(newlib)/build all && \
	    $(with_tools) $(MAKE) -C $(newlib)/build install; } > $(newlib)/make.log 2>&1 || \
	    { grep -E -m 20 'error|Error' $(newlib)/make.log >&2; \
	      echo "newlib.mk: see $(newlib)/make.log" >&2; exit 1; }
	$(quiet)touch $@

# ---- The driver ----------------------------------------------------------------------------------

$(toolchain)/portolan.specs: packages/portolan.specs.in packages/newlib.mk
	@mkdir -p $(@D)
	$(quiet)sed -e '/^#/d' -e ':a;/\\$$/{N;s/\\\n//;ba}' \
	    -e 's|@OVERLAY@|$(CURDIR)/libc/include|g' -e 's|@TOOLCHAIN@|$(CURDIR)/$(toolchain)|g' \
	    -e 's|@CONTRACT@|$(CURDIR)/include|g' -e 's|@GCC_INCLUDE@|$(gcc_include)|g' \
	    -e 's|@LIBGCC@|$(shell $(host_cc) -print-libgcc-file-name)|g' $< > $@

$(toolchain)/bin/x86_64-portolan-gcc: packages/newlib.mk
	@mkdir -p $(@D)
	$(quiet)ln -sf ../../../packages/x86_64-portolan-gcc $@
	$(quiet)ln -sf x86_64-portolan-gcc $(@D)/x86_64-portolan-cc
	$(quiet)for tool in $(tools); do ln -sf $$(command -v $$tool) $(@D)/x86_64-portolan-$$tool; done
