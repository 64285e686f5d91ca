# Portolan's build.  `make help` lists the targets; V=1 shows the commands.
#
# Each folder's build.mk says what is made from it:
#   kernel/    the kernel and its symbol table          -> build/kernel.elf
#   libmsg/    the library every program is linked with -> build/libmsg.a
#   servers/   one program per folder                   -> build/boot/NAME
#   packages/  newlib, from Debian's sources          -> build/toolchain
#   libc/      newlib's lower half                    -> build/toolchain
#   apps/      one ordinary C program per folder      -> build/boot/NAME
#   tests/     guest and bench programs, unit tests     -> build/boot/NAME, build/unit/NAME
# The programs and boot/manifest become build/boot.cpio; that and the kernel become the ISO.
#
# Nothing is rebuilt without need.  Objects depend on their headers (-MMD) and on a file that holds
# the command line they were compiled with, so that a changed flag or a removed source counts too.

.DEFAULT_GOAL := iso
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

CC := gcc
AR := ar
LD := ld
STRIP := strip
PYTHON := /usr/bin/python3
build := build
commit_time := $(shell git log -1 --format=%ct 2>/dev/null)
export SOURCE_DATE_EPOCH ?= $(or $(commit_time),1700000000)

# Quiet output: "  CC      kernel/port.c" instead of the command.
quiet := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) '$(2)')

# ---- Flags that all of Portolan's own code is compiled with -------------------------------------

warnings := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef -Wvla
freestanding := -std=gnu17 -O2 -g -ffreestanding -nostdinc \
    -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) \
    -mgeneral-regs-only -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
    -ffunction-sections -fdata-sections $(warnings) -Iinclude
link_flags := -static -nostdlib --gc-sections --fatal-warnings --build-id=none \
    -z noexecstack -z max-page-size=4096

# ---- Rules ---------------------------------------------------------------------------------------

# $(call remember,FILE,TEXT): FILE holds TEXT and is new only if TEXT has changed.
define remember
$(shell mkdir -p $(dir $(1)); echo '$(2)' | cmp -s - $(1) || echo '$(2)' > $(1))
endef

# $(call objects,FOLDER,SOURCES): the object files of SOURCES, in build/FOLDER.
objects = $(patsubst %,$(build)/$(1)/%.o,$(basename $(2)))

# $(call compile,FOLDER,SOURCES,FLAGS): rules that compile SOURCES into build/FOLDER.
define compile
$(call remember,$(build)/$(1)/flags,$(CC) $(3))
$(foreach source,$(2),$(call compile_one,$(1),$(source),$(3)))
-include $(patsubst %.o,%.d,$(call objects,$(1),$(2)))
endef
define compile_one

$(call objects,$(1),$(2)): $(2) $(build)/$(1)/flags
	$$(call say,CC,$(2))
	@mkdir -p $$(@D)
	$$(quiet)$$(CC) $(3) $$(extra_flags) -MMD -MP -c -o $$@ $(2)

endef

# $(call archive,NAME,OBJECTS): build/NAME.a
define archive
$(call remember,$(build)/$(1).members,$(2))
$(build)/$(1).a: $(2) $(build)/$(1).members
	$$(call say,AR,$$@)
	$$(quiet)rm -f $$@ && $$(AR) rcsD $$@ $(2)
endef

# $(call program,NAME,OBJECTS,LIBRARIES): build/boot/NAME, a static program at 0x400000, and a copy
# without symbols, which goes into the boot module.
define program
programs += $(1)
$(call remember,$(build)/boot/.$(1).link,$(LD) $(link_flags) $(2) $(3))
$(build)/boot/$(1): $(2) $(3) $(build)/libmsg.a libmsg/user.ld $(build)/boot/.$(1).link
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $(link_flags) -T libmsg/user.ld -u _start -o $$@ \
	    $(2) --start-group $(3) $(build)/libmsg.a $$(libgcc) --end-group
$(build)/boot/stripped/$(1): $(build)/boot/$(1)
	@mkdir -p $$(@D)
	$$(quiet)$$(STRIP) -s -o $$@ $$<
endef
libgcc := $(shell $(CC) -print-libgcc-file-name 2>/dev/null)

programs :=
unit_tests :=
include libmsg/build.mk $(filter-out libmsg/build.mk,$(sort $(wildcard */build.mk)))

# ---- What boots ----------------------------------------------------------------------------------

# The first member is init, then the manifest, then the root filesystem, then every other program by
# name.
boot_files := $(addprefix $(build)/boot/stripped/,$(filter init,$(programs))) \
    $(wildcard boot/manifest) $(build)/root.cpio \
    $(addprefix $(build)/boot/stripped/,$(sort $(filter-out init,$(programs))))

$(call remember,$(build)/boot.members,$(boot_files))
$(build)/boot.cpio: $(boot_files) $(build)/boot.members tools/cpio
	$(call say,CPIO,$@)
	$(quiet)$(PYTHON) tools/cpio $@ $(boot_files)

$(build)/portolan.iso: $(build)/kernel.elf $(build)/boot.cpio boot/grub.cfg tools/iso
	$(call say,ISO,$@)
	$(quiet)tools/iso --kernel $(build)/kernel.elf --module $(build)/boot.cpio --output $@

# ---- Targets for people --------------------------------------------------------------------------

# What needs tools runs tools/setup first and then make again, since the tools may be new.
prepared := run test bench iso gdb format toolchain root
.PHONY: help clean all unit-tests everything compile_commands.json $(prepared) $(addprefix do-,$(prepared))

$(prepared):
	@tools/setup
	@+$(MAKE) --no-print-directory do-$@

do-iso: $(build)/portolan.iso compile_commands.json

do-run: do-iso
	tools/vm $(VM)

do-test:
	@$(PYTHON) tests/run $(TESTS)

do-bench: $(build)/kernel.elf $(build)/boot.cpio
	@$(PYTHON) tools/bench

do-gdb: $(build)/kernel.elf $(build)/boot.cpio
	@tools/gdb $(VM)

do-format:
	@tools/format

all: do-iso
unit-tests: $(unit_tests)
everything: $(build)/portolan.iso unit-tests

compile_commands.json:
	@$(PYTHON) tools/compile-commands $(MAKE)

clean:
	rm -rf $(build) compile_commands.json

help:
	@echo 'make run      build and boot in QEMU; the console is this terminal (ctrl-a x quits)'
	@echo '              VM="--cpus 4 --uefi": options for tools/vm'
	@echo 'make test     build and run every test; the last line counts them'
	@echo '              TESTS="--only unit,guest": some of them'
	@echo 'make bench    measure, print each figure beside its budget, write build/bench.json'
	@echo 'make iso      build/portolan.iso'
	@echo 'make gdb      boot halted, with gdb attached; the console goes to build/console.log'
	@echo 'make toolchain build/toolchain/bin/x86_64-portolan-gcc, a C compiler for Portolan'
	@echo 'make root     build/root.cpio, the root filesystem: shell, commands, Lua'
	@echo 'make format   lay out all C files as .clang-format says'
	@echo 'make clean    remove everything built'
	@echo 'make help     this list'
	@echo 'V=1 shows the commands.'
