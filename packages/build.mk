# newlib, Portolan's C library above the system interface, and the compiler driver that uses it:
#
#   make toolchain      build/toolchain: headers, libraries, x86_64-portolan-gcc
#
# newlib comes as Debian's newlib-source package, named in packages/pins; packages/newlib-edit makes
# the few edits it needs in place.  Headers in libc/include stand before newlib's own.  libc/build.mk
# adds libc itself.
#
# This takes a minute, once.  It is done again only when newlib's pin, an edit, an overlay header
# that newlib includes, or the flags below change.

newlib_version := 4.5.0.20241231
newlib_deb := $(build)/packages/newlib-source_$(newlib_version)-1_all.deb
newlib := $(build)/newlib
newlib_source := $(newlib)/newlib-$(newlib_version)
toolchain := $(build)/toolchain
binutils := ar as ld nm objcopy objdump ranlib readelf size strings strip
overlay := $(sort $(shell find libc/include -type f))
gcc_include := $(shell $(CC) -print-file-name=include 2>/dev/null)

.PHONY: newlib
newlib: $(newlib)/installed

# ---- Unpack and edit -----------------------------------------------------------------------------

$(call remember,$(build)/newlib.pin,$(shell grep -w newlib-source packages/pins))

$(newlib_deb): $(build)/newlib.pin
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
newlib_options := --target=x86_64-portolan --prefix=$(CURDIR)/$(toolchain) \
    --disable-multilib --disable-libgloss \
    --enable-newlib-reent-thread-local --enable-newlib-multithread \
    --enable-newlib-retargetable-locking --enable-newlib-io-long-long \
    --enable-newlib-io-c99-formats --enable-newlib-io-long-double --enable-newlib-io-pos-args \
    --enable-newlib-mb --enable-newlib-iconv --enable-newlib-register-fini \
    --disable-newlib-supplied-syscalls
newlib_target_flags := -O2 -g -fPIE
newlib_make := env -u MAKEFLAGS -u MFLAGS $(MAKE) -j$(shell nproc)
newlib_path := PATH=$(CURDIR)/$(newlib)/tools:$$PATH

$(call remember,$(build)/newlib.flags,$(CC) $(newlib_cc_flags) $(newlib_options) $(newlib_target_flags))

$(newlib)/configured: $(newlib)/unpacked $(build)/newlib.flags
	$(call say,CONF,newlib)
	$(quiet)rm -rf $(newlib)/build $(newlib)/tools && mkdir -p $(newlib)/build $(newlib)/tools
	$(quiet)printf '#!/bin/sh\nexec $(CC) $(newlib_cc_flags) "$$@"\n' > $(newlib)/tools/x86_64-portolan-gcc
	$(quiet)chmod +x $(newlib)/tools/x86_64-portolan-gcc
	$(quiet)ln -sf x86_64-portolan-gcc $(newlib)/tools/x86_64-portolan-cc
	$(quiet)for tool in $(binutils); do \
	    ln -sf $$(command -v $$tool) $(newlib)/tools/x86_64-portolan-$$tool; done
	$(quiet)cd $(newlib)/build && $(newlib_path) ../newlib-$(newlib_version)/configure \
	    $(newlib_options) CFLAGS_FOR_TARGET="$(newlib_target_flags)" \
	    > $(CURDIR)/$(newlib)/configure.log 2>&1 || \
	    { tail -n 20 $(CURDIR)/$(newlib)/configure.log >&2; exit 1; }
	$(quiet)touch $@

# newlib's own makefiles know which of its files a changed header concerns, but not that a new one now
# stands before one of newlib's: then all is compiled again.
$(newlib)/installed: $(newlib)/configured $(overlay)
	$(call say,MAKE,newlib)
	$(quiet)echo '$(overlay)' | cmp -s - $(newlib)/overlay || find $(newlib)/build -name '*.o' -delete
	$(quiet)echo '$(overlay)' > $(newlib)/overlay
	$(quiet){ $(newlib_path) $(newlib_make) -C $(newlib)/build all && \
	    $(newlib_path) $(newlib_make) -C $(newlib)/build install; } > $(newlib)/make.log 2>&1 || \
	    { grep -E -m 20 'error|Error' $(newlib)/make.log >&2; \
	      echo "newlib: see $(newlib)/make.log" >&2; exit 1; }
	$(quiet)touch $@

# ---- The driver ----------------------------------------------------------------------------------

$(toolchain)/portolan.specs: packages/portolan.specs.in packages/build.mk
	@mkdir -p $(@D)
	$(quiet)sed -e '/^#/d' -e ':a;/\\$$/{N;s/\\\n//;ba}' \
	    -e 's|@OVERLAY@|$(CURDIR)/libc/include|g' -e 's|@TOOLCHAIN@|$(CURDIR)/$(toolchain)|g' \
	    -e 's|@CONTRACT@|$(CURDIR)/include|g' -e 's|@GCC_INCLUDE@|$(gcc_include)|g' \
	    -e 's|@LIBGCC@|$(libgcc)|g' $< > $@

$(toolchain)/bin/x86_64-portolan-gcc: packages/build.mk
	@mkdir -p $(@D)
	$(quiet)ln -sf ../../../packages/x86_64-portolan-gcc $@
	$(quiet)ln -sf x86_64-portolan-gcc $(@D)/x86_64-portolan-cc
	$(quiet)for tool in $(binutils); do ln -sf $$(command -v $$tool) $(@D)/x86_64-portolan-$$tool; done

# ---- Other people's programs ---------------------------------------------------------------------

not_packages := $(addprefix packages/,build.mk recipe.mk root.mk)
include packages/recipe.mk
include $(sort $(filter-out $(not_packages),$(wildcard packages/*.mk)))
include packages/root.mk
