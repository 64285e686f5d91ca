# One program per folder, as in servers/: apps/NAME/*.c become build/boot/NAME.

app_names := $(sort $(patsubst apps/%/,%,$(dir $(wildcard apps/*/*.c))))
app_sources = $(sort $(wildcard apps/$(1)/*.c apps/$(1)/*.S))

$(foreach name,$(app_names),\
    $(eval $(call compile,app-$(name),$(call app_sources,$(name)),$(user_flags) -Iapps/$(name)))\
    $(eval $(call program,$(name),$(call objects,app-$(name),$(call app_sources,$(name))),)))
