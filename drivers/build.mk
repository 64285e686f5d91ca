# One program per folder, as in servers/: drivers/NAME/*.c become build/boot/NAME.

driver_names := $(sort $(patsubst drivers/%/,%,$(dir $(wildcard drivers/*/*.c))))
driver_sources = $(sort $(wildcard drivers/$(1)/*.c drivers/$(1)/*.S))

$(foreach name,$(driver_names),\
    $(eval $(call compile,driver-$(name),$(call driver_sources,$(name)),$(user_flags) -Idrivers/$(name)))\
    $(eval $(call program,$(name),$(call objects,driver-$(name),$(call driver_sources,$(name))),)))
