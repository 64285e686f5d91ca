# The kernel: build/kernel.elf, with the symbol table that its backtraces use linked in.

kernel_sources := $(sort $(wildcard kernel/*.c kernel/x86/*.c kernel/x86/*.S))
kernel_objects := $(call objects,kernel,$(kernel_sources)) $(build)/kernel/font.o
kernel_flags := $(freestanding) -Ikernel -mno-red-zone -mcmodel=kernel
kernel_link := $(LD) $(link_flags) -T kernel/x86/kernel.ld

$(eval $(call compile,kernel,$(kernel_sources),$(kernel_flags)))
$(call remember,$(build)/kernel.link,$(kernel_link) $(kernel_objects))

# The boot console's glyphs, from GRUB's font.
kernel_font := /usr/share/grub/unicode.pf2
$(build)/kernel/font.s: tools/font $(kernel_font)
	@mkdir -p $(@D)
	$(quiet)$(PYTHON) tools/font $(kernel_font) $@
$(build)/kernel/font.o: $(build)/kernel/font.s
	$(quiet)$(CC) -c -o $@ $<

# The fast path, and what it calls, runs with the message's head in registers and must leave those alone.
fast_objects := $(build)/kernel/kernel/fastpath.o $(build)/kernel/kernel/fpu.o
$(fast_objects): extra_flags := -fomit-frame-pointer -ffixed-rbp -ffixed-rbx -ffixed-r8 \
    -ffixed-r9 -ffixed-r10 -ffixed-r12 -ffixed-r13 -ffixed-r14 -ffixed-r15

# What is on no path that is measured is better small than fast.
hot_sources := $(patsubst %,kernel/%.c,fastpath fpu message port sched handle cargo page fault vmo loan pin \
    sys_map aspace tree)
cold_objects := $(filter-out $(call objects,kernel,$(hot_sources)),$(kernel_objects))
$(cold_objects): extra_flags := -Os
$(filter-out $(fast_objects),$(kernel_objects)): extra_flags += -fno-align-functions -fno-align-jumps \
    -fno-align-loops -fno-align-labels
# How a file is compiled depends on the lists above.
$(kernel_objects): kernel/build.mk

# Linked twice: first with an empty symbol table, then with that of the first.  The table lies
# behind the code, so no function moves; tools/symbols checks that.
$(build)/kernel/symbols0.s: tools/symbols
	@mkdir -p $(@D)
	$(quiet)$(PYTHON) tools/symbols make /dev/null $@

$(build)/kernel/first.elf: $(kernel_objects) $(build)/kernel/symbols0.o kernel/x86/kernel.ld \
    $(build)/kernel.link
	$(call say,LD,$@)
	$(quiet)$(kernel_link) -o $@ $(kernel_objects) $(build)/kernel/symbols0.o

$(build)/kernel/symbols.s: $(build)/kernel/first.elf tools/symbols
	$(quiet)$(PYTHON) tools/symbols make $< $@

$(build)/kernel/symbols%o: $(build)/kernel/symbols%s
	$(quiet)$(CC) -c -o $@ $<

$(build)/kernel.elf: $(build)/kernel/first.elf $(build)/kernel/symbols.o
	$(call say,LD,$@)
	$(quiet)$(kernel_link) -o $@ $(kernel_objects) $(build)/kernel/symbols.o
	$(quiet)$(PYTHON) tools/symbols check $(build)/kernel/first.elf $@
