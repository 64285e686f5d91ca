# What the recipes in packages/NAME.mk have in common.
#
# A package goes through these states, each a file in build/packages/NAME/:
#   unpacked   the pinned tarball, with the fixes taken from Debian's and this package's edits
#   compiled   everything except what is linked with libc
#   linked     its programs lie in build/packages/NAME/root/, as they will in the guest, stripped
# What the tools said is in build/packages/NAME.log.  The recipe gives, before it calls `package`:
#   NAME_file      the tarball, as pinned
#   NAME_fixes     Debian's tarball, as pinned, and the names of those of its patches to apply
#   NAME_edit      commands that edit the source, run in its folder
#   NAME_compile   commands that configure and compile, run in the source's folder
#   NAME_link      commands that link and put the programs into $(NAME_root); they are run again
#                  whenever libc has changed, NAME_compile only when a header of libc has
#   NAME_needs     files that must be there before it is compiled (other packages' libraries)
# The commands are one shell list under `set -e`; everything is in terms of absolute paths, and
# build/toolchain/bin comes first in PATH.

packages_build := $(CURDIR)/$(build)/packages
portolan_path := PATH=$(CURDIR)/$(build)/toolchain/bin:$$PATH
# Small before fast: these programs are in memory as long as the system runs.
package_cflags := -Os -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
# Recipes are shared by the make rules above, which set flags of their own for sub-makes.
package_make := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -j$(shell nproc)

# $(call logged,NAME,FOLDER,COMMANDS): runs COMMANDS in FOLDER; what they say goes to the log, and
# the last errors (or else the last lines) to the terminal if they fail.
define logged
$(quiet)( set -e; echo '==== $@'; cd $(2); export $(portolan_path) LC_ALL=C; $(3); ) \
    >> $(build)/packages/$(1).log 2>&1; \
    test $$? -eq 0 || { packages/failed $(1) >&2; exit 1; }
endef

# $(call package,NAME): the rules for one package.
define package
packages += $(1)
$(1)_root := $(packages_build)/$(1)/root
$(1)_source := $(packages_build)/$(1)/source
$(1)_folder := $(build)/packages/$(1)

$(call remember,$(build)/packages/$(1).recipe,$(shell cat packages/recipe.mk packages/$(1).mk $(wildcard packages/$(1)-*) packages/pins | grep -v '^\#' | sha256sum))

$$($(1)_folder)/unpacked: $(build)/packages/$(1).recipe
	$$(call say,FETCH,$(1))
	$$(quiet)packages/fetch $(or $($(1)_debian),$(1)) > /dev/null
	$$(quiet)rm -rf $$($(1)_folder) $(build)/packages/$(1).log && mkdir -p $$($(1)_folder)/source
	$$(call logged,$(1),$$($(1)_source), \
	    tar -xf $$(packages_build)/$($(1)_file) --strip-components=1; \
	    $$(if $$($(1)_fixes),mkdir ../fixes; \
	        tar -xf $$(packages_build)/$$(firstword $$($(1)_fixes)) -C ../fixes; \
	        for fix in $$(wordlist 2,99,$$($(1)_fixes)); do \
	            patch -p1 < ../fixes/debian/patches/$$$$fix; done;) \
	    $$(or $$($(1)_edit),:))
	$$(quiet)touch $$@

$$($(1)_folder)/compiled: $$($(1)_folder)/unpacked $$($(1)_needs) $(newlib)/installed | $$(libc_headers)
	$$(call say,MAKE,$(1))
	$$(call logged,$(1),$$($(1)_source),$$($(1)_compile))
	$$(quiet)touch $$@

$$($(1)_folder)/linked: $$($(1)_folder)/compiled $$(libc_libraries)
	$$(call say,LINK,$(1))
	$$(quiet)rm -rf $$($(1)_root) && mkdir -p $$($(1)_root)/bin
	$$(call logged,$(1),$$($(1)_source),$$($(1)_link))
	$$(quiet)touch $$@

.PHONY: $(1)
$(1): $$($(1)_folder)/linked
endef
