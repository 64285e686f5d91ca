# What every program is linked with: build/libmsg.a.

libmsg_sources := $(sort $(wildcard libmsg/*.c libmsg/*.S))
user_flags := $(freestanding) -Ilibmsg

$(eval $(call compile,libmsg,$(libmsg_sources),$(user_flags)))
$(eval $(call archive,libmsg,$(call objects,libmsg,$(libmsg_sources))))
