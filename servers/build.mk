# One program per folder: servers/NAME/*.c become build/boot/NAME.  servers/lib is what several of
# them share: build/servers.a.

server_names := $(filter-out lib,$(sort $(patsubst servers/%/,%,$(dir $(wildcard servers/*/*.c)))))
server_sources = $(sort $(wildcard servers/$(1)/*.c servers/$(1)/*.S))
server_flags := $(user_flags) -Iservers/lib

$(eval $(call compile,server-lib,$(call server_sources,lib),$(server_flags)))
$(eval $(call archive,servers,$(call objects,server-lib,$(call server_sources,lib))))
$(foreach name,$(server_names),\
    $(eval $(call compile,server-$(name),$(call server_sources,$(name)),$(server_flags) -Iservers/$(name)))\
    $(eval $(call program,$(name),$(call objects,server-$(name),$(call server_sources,$(name))),$(build)/servers.a)))
