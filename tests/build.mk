# Guest tests, benchmarks and unit tests.
#
#   tests/boot/NAME.c, tests/bench/NAME.c   a program each -> build/boot/NAME
#   tests/boot/lib/*.c                      shared by them -> build/tests.a
#   tests/unit/NAME_test.c                  for the host, with cmocka -> build/unit/NAME_test; its
#       line "// sources: kernel/tree.c ..." names the kernel files that are linked with it

guest_sources := $(sort $(wildcard tests/boot/*.c tests/bench/*.c))
guest_library := $(sort $(wildcard tests/boot/lib/*.c tests/boot/lib/*.S))
guest_flags := $(user_flags) -Itests/boot -Itests/boot/lib

$(eval $(call compile,tests,$(guest_sources) $(guest_library),$(guest_flags)))
$(eval $(call archive,tests,$(call objects,tests,$(guest_library))))
test_programs += $(basename $(notdir $(guest_sources)))
$(foreach source,$(guest_sources),\
    $(eval $(call program,$(basename $(notdir $(source))),$(call objects,tests,$(source)),$(build)/tests.a)))

unit_sources := $(sort $(wildcard tests/unit/*_test.c))
unit_flags := -std=gnu17 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer -fno-strict-aliasing -fno-common $(filter-out -Wmissing-prototypes,$(warnings)) \
    -Iinclude -Ikernel -Iservers/lib -Itests/unit -DUNIT_TEST
unit_under_test = $(shell sed -n 's|^// sources:||p' $(1))

define unit_test
unit_tests += $(build)/unit/$(1)
$(call compile,unit-objects/$(1),$(2),$(unit_flags))
$(call remember,$(build)/unit/$(1).link,$(2))
$(build)/unit/$(1): $(call objects,unit-objects/$(1),$(2)) $(build)/unit/$(1).link
	$$(call say,LD,$$@)
	$$(quiet)$$(CC) -fsanitize=address,undefined -o $$@ $(call objects,unit-objects/$(1),$(2)) -lcmocka
endef
$(foreach source,$(unit_sources),\
    $(eval $(call unit_test,$(basename $(notdir $(source))),$(source) $(call unit_under_test,$(source)))))
