# libc, newlib's lower half, and with it a toolchain that makes whole programs:
#
#   make toolchain
#   build/toolchain/bin/x86_64-portolan-gcc hello.c -o hello
#
# and the programs made with it:
#   apps/NAME/*.c            -> build/boot/NAME
#   libc/test/NAME_test.c    -> build/boot/libc_NAME, a program of class test

libc_sources := $(sort $(wildcard libc/*.c libc/*.S))
libc_objects := $(patsubst %,$(build)/%.o,$(basename $(libc_sources)))
libc_flags := -std=gnu17 -O2 -g -D_GNU_SOURCE -ffunction-sections -fdata-sections \
    -fno-builtin-malloc $(warnings)
portolan_cc := $(build)/toolchain/bin/x86_64-portolan-gcc
libc_installed := $(build)/toolchain/x86_64-portolan/lib
# What must be there before anything is compiled for Portolan, and before anything is linked.
libc_headers := $(build)/newlib/installed $(build)/toolchain/portolan.specs $(portolan_cc)
libc_libraries := $(addprefix $(libc_installed)/,libportolan.a crt0.o libpthread.a librt.a)

.PHONY: do-toolchain
do-toolchain: $(libc_libraries)

$(call remember,$(build)/libc/flags,$(libc_flags))
$(build)/libc/%.o: libc/%.c $(build)/libc/flags packages/build.mk | $(libc_headers)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(portolan_cc) $(libc_flags) $(extra_flags) -MD -MP -c -o $@ $<

$(build)/libc/%.o: libc/%.S packages/build.mk | $(libc_headers)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(portolan_cc) -c -o $@ $<

-include $(libc_objects:.o=.d)

# What libc has of libmsg: loading programs; under names that are libc's (libc/loader_names.h).
libc_loader := $(patsubst %,$(build)/libc/libmsg/%.o,elf load spawn)
$(libc_loader): $(build)/libc/libmsg/%.o: libmsg/%.c $(build)/libc/flags | $(libc_headers)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(portolan_cc) $(libc_flags) $(extra_flags) -include libc/loader_names.h -MD -MP -c -o $@ $<

-include $(libc_loader:.o=.d)

libc_members := $(filter-out %/crt0.o,$(libc_objects)) $(libc_loader)
$(call remember,$(build)/libc.members,$(libc_members))
$(libc_installed)/libportolan.a: $(libc_members) $(build)/libc.members
	$(call say,AR,$@)
	$(quiet)rm -f $@ && $(AR) rcsD $@ $(libc_members)

$(libc_installed)/crt0.o: $(build)/libc/crt0.o
	$(quiet)cp $< $@

# What others keep in libraries of their own is in libportolan here.
$(addprefix $(libc_installed)/,libpthread.a librt.a): | $(libc_headers)
	$(quiet)rm -f $@ && $(AR) rcsD $@

# ---- Programs ------------------------------------------------------------------------------------

# $(call posix_program,NAME,SOURCES,FLAGS): build/boot/NAME from C files, and a copy without symbols,
# which goes into the boot module.
define posix_program
programs += $(1)
$(call remember,$(build)/posix/$(1)/flags,$(3) $(2))
$(foreach source,$(2),$(call posix_compile_one,$(1),$(source),$(3)))
-include $(patsubst %.o,%.d,$(call objects,posix/$(1),$(2)))
$(build)/boot/$(1): $(call objects,posix/$(1),$(2)) $(build)/posix/$(1)/flags $(libc_libraries)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(quiet)$(portolan_cc) -o $$@ $(call objects,posix/$(1),$(2))
$(build)/boot/stripped/$(1): $(build)/boot/$(1)
	@mkdir -p $$(@D)
	$$(quiet)$$(STRIP) -s -o $$@ $$<
endef
define posix_compile_one

$(call objects,posix/$(1),$(2)): $(2) $(build)/posix/$(1)/flags | $(libc_headers)
	$$(call say,CC,$(2))
	@mkdir -p $$(@D)
	$$(quiet)$(portolan_cc) $(3) $$(extra_flags) -MD -MP -c -o $$@ $(2)

endef

posix_flags := -std=gnu17 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Werror
app_names := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
# libc/test/posix/NAME.c -> build/boot/posix_NAME, run by tests/boot/test_processes.c as process 1
posix_tests := $(patsubst libc/test/posix/%.c,%,$(sort $(wildcard libc/test/posix/*.c)))
libc_tests := $(patsubst libc/test/%_test.c,%,$(sort $(wildcard libc/test/*_test.c)))

test_programs += $(addprefix libc_,$(libc_tests)) $(addprefix posix_,$(posix_tests))
$(foreach name,$(app_names),$(eval $(call posix_program,$(name),$(sort $(wildcard apps/$(name)/*.c)),$(posix_flags))))
$(foreach name,$(libc_tests),$(eval $(call posix_program,libc_$(name),libc/test/$(name)_test.c,$(posix_flags))))
$(foreach name,$(posix_tests),$(eval $(call posix_program,posix_$(name),libc/test/posix/$(name).c,$(posix_flags) -Ilibc/test)))
