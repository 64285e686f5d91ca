# libc/, newlib's lower half, and with it a toolchain that makes whole programs:
#
#   make -f packages/libc.mk
#
# build/toolchain/bin/x86_64-portolan-gcc hello.c -o hello

include packages/newlib.mk
.DEFAULT_GOAL := libc

library := $(toolchain)/x86_64-portolan/lib
libc_sources := $(sort $(wildcard libc/*.c libc/*.S))
libc_objects := $(patsubst %,$(build)/%.o,$(basename $(libc_sources)))
libc_cc := $(toolchain)/bin/x86_64-portolan-gcc
libc_flags := -std=gnu17 -O2 -g -D_GNU_SOURCE -D_LIBC_PORTOLAN -ffunction-sections -fdata-sections \
    -fno-builtin-malloc -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow \
    -Wundef -Wvla -isystem libmsg

.PHONY: libc
libc: toolchain $(library)/libportolan.a $(library)/crt0.o $(library)/libpthread.a $(library)/librt.a

$(build)/libc/%.o: libc/%.c packages/libc.mk $(newlib)/installed $(toolchain)/portolan.specs
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(libc_cc) $(libc_flags) -MMD -MP -c -o $@ $<

$(build)/libc/%.o: libc/%.S packages/libc.mk $(toolchain)/portolan.specs
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(libc_cc) -c -o $@ $<

-include $(libc_objects:.o=.d)

$(library)/libportolan.a: $(filter-out %/crt0.o,$(libc_objects))
	$(call say,AR,$@)
	$(quiet)rm -f $@ && ar rcsD $@ $^

$(library)/crt0.o: $(build)/libc/crt0.o
	$(quiet)cp $< $@

# What others keep in libraries of their own is in libportolan here.
$(library)/libpthread.a $(library)/librt.a: $(newlib)/installed
	$(quiet)rm -f $@ && ar rcsD $@
