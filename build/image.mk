# SPDX-License-Identifier: MIT
# System image: EROFS from Debian packages (tools/image). The script itself decides what is up to date.
IMAGE := out/image/system.erofs
image: windows ## default system image (downloads once, then cached)
	@tools/deps.sh build run
	@tools/image/build.sh
run: ## build everything, boot, run real programs, then a shell if there is a terminal
	@tools/deps.sh build run
	@$(MAKE) --no-print-directory kernel ambos windows
	@tools/image/build.sh
	@tools/demo.sh
.PHONY: image run
