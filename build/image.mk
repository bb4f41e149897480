# SPDX-License-Identifier: MIT
# System image: EROFS from Debian packages.
image: kernel ## default system image
.PHONY: image
