#!/bin/sh
# Packs what check.mjs needs into one archive, for a machine with a GPU and without a network or Node.js:
#   scripts/cuda/pack.sh [folder]          writes <folder>/vae-cuda.tar.xz (default: build/cuda)
# and there:
#   tar xf vae-cuda.tar.xz -C /tmp && /tmp/vae-cuda/node /tmp/vae-cuda/scripts/cuda/check.mjs
set -eu
cd "$(dirname "$0")/../.."
target=${1:-build/cuda}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/vae-cuda
mkdir -p "$target" "$root/node_modules" "$root/scripts"

node node_modules/typescript/bin/tsc -p tsconfig.build.json
# The suite that every engine must pass, as plain JavaScript; vitest.mjs stands for what it uses of vitest.
node node_modules/typescript/bin/tsc -p scripts/cuda/tsconfig.suite.json --outDir "$root/suite"
mkdir -p "$root/suite/node_modules/vitest"
cp scripts/cuda/vitest.mjs "$root/suite/node_modules/vitest/index.js"
echo '{ "name": "vitest", "type": "module", "main": "index.js" }' > "$root/suite/node_modules/vitest/package.json"

cp -r dist bin package.json "$root"
cp -r scripts/cuda "$root/scripts"
cp "$(node -p process.execPath)" "$root/node"
# Production packages but onnxruntime, the largest, which the GPU does not need.
npm ls --omit=dev --all --parseable 2>/dev/null | grep '/node_modules/' | grep -v onnxruntime | while read -r package; do
  name=${package#"$PWD"/node_modules/}
  case $name in */node_modules/*) continue ;; esac
  mkdir -p "$root/node_modules/$(dirname "$name")"
  cp -r "$package" "$root/node_modules/$(dirname "$name")"
done
rm -rf "$root/node_modules/koffi/vendor" "$root/node_modules/koffi/doc"
XZ_OPT='-6 -T0' tar cJf "$target/vae-cuda.tar.xz" -C "$stage" vae-cuda
ls -l "$target/vae-cuda.tar.xz"
