#!/bin/sh
# Builds the executable for one platform (`linux-x64`, `windows-x64`, …) and packs it with the sample configuration.
set -eu
platform=$1
version=$2
name=mediamtx
case $platform in windows-*) name=mediamtx.exe ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
node_modules/.bin/bun build --compile --minify --bytecode --format=cjs --target="bun-$platform" \
  src/main.ts --outfile "$folder/$name"
cp mediamtx.yml LICENSE "$folder/"
tar -czf "binaries/mediamtx_v${version}_$platform.tar.gz" -C "$folder" "$name" mediamtx.yml LICENSE
