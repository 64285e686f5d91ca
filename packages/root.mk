# build/root.cpio: the files that Portolan's root filesystem starts with, from the packages, apps/ and
# packages/root/, which is laid out as the guest sees it.

root := $(build)/packages/root
root_files := $(patsubst packages/root/%,%,$(sort $(shell find packages/root -type f)))
root_apps := $(addprefix $(build)/boot/stripped/,$(app_names))

.PHONY: do-root
do-root: $(build)/root.cpio

$(call remember,$(build)/packages/root.members,$(packages) $(root_apps) $(root_files))
$(build)/root.cpio: $(patsubst %,$(build)/packages/%/linked,$(packages)) $(root_apps) \
    $(addprefix packages/root/,$(root_files)) $(build)/packages/root.members packages/root.mk tools/cpio
	$(call say,CPIO,$@)
	$(quiet)rm -rf $(root)
	$(quiet)install -d -m 755 $(root) $(addprefix $(root)/,bin dev etc home mnt usr/share var/log)
	$(quiet)install -d -m 1777 $(root)/tmp $(root)/var/tmp
	$(quiet)install -d -m 700 $(root)/root
	$(quiet)for name in $(packages); do cp -a $(build)/packages/$$name/root/. $(root); done
	$(quiet)$(if $(root_apps),install -m 755 $(root_apps) $(root)/bin)
	$(quiet)for name in $(root_files); do \
	    install -D -m 644 packages/root/$$name $(root)/$$name || exit 1; done
	$(quiet)$(PYTHON) tools/cpio --tree $@ $(root)
