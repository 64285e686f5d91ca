# One program per folder, as in servers/: drivers/NAME/*.c become build/boot/NAME.  drivers/lib is what
# those of PCI devices share: build/drivers.a.

driver_names := $(filter-out lib,$(sort $(patsubst drivers/%/,%,$(dir $(wildcard drivers/*/*.c)))))
driver_sources = $(sort $(wildcard drivers/$(1)/*.c drivers/$(1)/*.S))
driver_flags := $(user_flags) -Idrivers/lib

# The screen's font, from GRUB's: Latin, Greek, Cyrillic, lines, blocks, arrows, symbols.
screen_font := /usr/share/grub/unicode.pf2
screen_font_ranges := 20-7e a0-17f 370-3ff 400-45f 2010-2027 2030-203a 20ac-20ac 2190-2195 2202-22a5 \
    2300-23bd 2400-2426 2500-25ff 2800-28ff fffd-fffd
$(build)/driver-framebuffer/font.s: tools/font drivers/build.mk $(screen_font)
	@mkdir -p $(@D)
	$(quiet)$(PYTHON) tools/font $(screen_font) $@ $(screen_font_ranges)
$(build)/driver-framebuffer/font.o: $(build)/driver-framebuffer/font.s
	$(quiet)$(CC) -c -o $@ $<
driver_extra_framebuffer := $(build)/driver-framebuffer/font.o

$(eval $(call compile,driver-lib,$(call driver_sources,lib),$(driver_flags)))
$(eval $(call archive,drivers,$(call objects,driver-lib,$(call driver_sources,lib))))
$(foreach name,$(driver_names),\
    $(eval $(call compile,driver-$(name),$(call driver_sources,$(name)),$(driver_flags) -Idrivers/$(name)))\
    $(eval $(call program,$(name),$(call objects,driver-$(name),$(call driver_sources,$(name))) $(driver_extra_$(name)),$(build)/drivers.a)))
