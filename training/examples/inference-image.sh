#!/usr/bin/env bash
# From a trained checkpoint to a containerised inference image, registered by its digest.
#   inference-image.sh RUN HOST/REPOSITORY OUT
# HOST is a registry: an Azure one, or `docker-registry` on this machine. BASE, a folder in OCI layout, is the server to
# start; without it the image holds the models for a server beside it. OUT/cuda and OUT/l4t are what others are built from.
set -euo pipefail
run=$1 repository=$2 out=$3
physai training package build "$run" --output "$out/package" >&2
physai training package verify "$out/package" >&2
for variant in cuda l4t; do
  physai training package image "$out/package" --variant "$variant" --output "$out/$variant" --tag "$repository:$variant" >&2
done
upon=()
if [ -n "${BASE:-}" ]; then upon=(--variant cpu --base "$BASE"); fi
physai training package image "$out/package" "${upon[@]}" --output "$out/image" --push "$repository"
