#!/usr/bin/env bash
# Builds the native part of @tensorflow/tfjs-node against the libtensorflow inside a Python `tensorflow` package, for
# machines where its install script cannot download one. README.md beside this file says more.
#
#   scripts/tfjs-node/build.sh [python]     python: an interpreter that has tensorflow; default python3
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${1:-python3}
fail() { echo "build.sh: $1" >&2; exit 1; }

# The package's folder is found without importing it, which takes seconds.
tensorflow=$("$python" -c 'import importlib.util as u; s = u.find_spec("tensorflow"); print(s.submodule_search_locations[0] if s else "")') ||
  fail "cannot run $python"
[ -n "$tensorflow" ] || fail "$python has no tensorflow; run: $python -m pip install tensorflow-cpu==2.15.1"
[ -e "$tensorflow/libtensorflow_cc.so.2" ] ||
  fail "$tensorflow has no libtensorflow_cc.so.2, which packages for Linux have since 2.12; install a newer one"

npm install --no-save --save-dev --ignore-scripts --no-audit --no-fund @tensorflow/tfjs-node@4.22.0 node-api-headers@1 >&2
package=node_modules/@tensorflow/tfjs-node
version=$(node -p "const { napi_versions: built } = require('./$package/package.json').binary; Math.max(...built.filter((n) => n <= process.versions.napi))")
target=$package/lib/napi-v$version
mkdir -p "$target"

"${CXX:-g++}" -std=c++17 -O2 -shared -fPIC -DNAPI_VERSION="$version" \
  -I "$tensorflow/include" -I node_modules/node-api-headers/include -I "$package/.." \
  "$package/binding/tfjs_backend.cc" "$package/binding/tfjs_binding.cc" \
  -L "$tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$tensorflow" \
  -o "$target/tfjs_binding.node"

npm run --silent build
node bin/vae.js bench --device tfjs:node --seconds 1
