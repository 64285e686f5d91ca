# libc's own tests, in the guest:
#
#   make -f packages/libc-test.mk             all; TESTS="only=libc_start" one of them
#
# libc/test/NAME_test.c becomes the program libc_NAME.  It needs build/kernel.elf and build/libmsg.a.

include packages/libc.mk
.DEFAULT_GOAL := libc-test

test_build := $(build)/libc-test
kernel ?= $(build)/kernel.elf
test_names := $(patsubst libc/test/%_test.c,%,$(sort $(wildcard libc/test/*_test.c)))
test_programs := $(addprefix $(test_build)/libc_,$(test_names))
test_flags := -std=gnu17 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Werror
carrier_flags := -std=gnu17 -O2 -g -ffreestanding -nostdinc -isystem $(gcc_include) \
    -mgeneral-regs-only -fno-pie -fno-stack-protector -Iinclude -Ilibmsg -Wall -Wextra -Werror
qemu := qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -machine q35 -accel tcg \
    -cpu max,la57=off -m 512 -device isa-debug-exit,iobase=0xf4,iosize=4 -display none \
    -monitor none -serial stdio

$(test_build)/libc_%: libc/test/%_test.c libc/test/console.c libc/test/tap.h libc packages/libc-test.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(quiet)$(libc_cc) $(test_flags) -isystem libmsg -o $@ $< libc/test/console.c
	$(quiet)strip -o $@.stripped $@

$(test_build)/carrier: libc/test/carrier.c $(build)/libmsg.a
	@mkdir -p $(@D)
	$(quiet)$(host_cc) $(carrier_flags) -c -o $@.o $<
	$(quiet)ld -static -nostdlib -z noexecstack -T libmsg/user.ld -u _start -o $@ $@.o $(build)/libmsg.a

$(test_build)/boot.cpio: $(test_build)/carrier $(test_programs)
	$(quiet)mkdir -p $(test_build)/boot && rm -f $(test_build)/boot/*
	$(quiet)cp $(test_build)/carrier $(test_build)/boot/init
	$(quiet)for name in $(test_names); do \
	    cp $(test_build)/libc_$$name.stripped $(test_build)/boot/libc_$$name; done
	$(quiet)python3 tools/cpio $@ $(test_build)/boot/init $(addprefix $(test_build)/boot/libc_,$(test_names))

.PHONY: libc-test
libc-test: $(test_build)/boot.cpio
	$(quiet)$(qemu) -smp $(or $(CPUS),2) $(QEMU) -kernel $(kernel) -initrd $< -append '$(TESTS)'; \
	    status=$$?; test $$status = 33 || { echo "status $$status"; exit 1; }
