# One program per folder: servers/NAME/*.c become build/boot/NAME.

server_names := $(sort $(patsubst servers/%/,%,$(dir $(wildcard servers/*/*.c))))
server_sources = $(sort $(wildcard servers/$(1)/*.c servers/$(1)/*.S))

$(foreach name,$(server_names),\
    $(eval $(call compile,server-$(name),$(call server_sources,$(name)),$(user_flags) -Iservers/$(name)))\
    $(eval $(call program,$(name),$(call objects,server-$(name),$(call server_sources,$(name))),)))
