# Sourced by the other scripts: makes sure that the distribution packages of Frostline are installed, and
# builds. Needs root or sudo only where something is missing; else prints the command and exits 2.

frost_packages=(
  g++ cmake ninja-build ccache git ca-certificates curl
  libyaml-cpp-dev libfmt-dev libspdlog-dev libcli11-dev nlohmann-json3-dev
  libjpeg-dev libgif-dev libstb-dev libssl-dev zlib1g-dev
  libgtest-dev libbenchmark-dev
)

frost_install_packages() {
  local missing=() package
  for package in "${frost_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "error: missing packages (Debian names): ${missing[*]}" >&2
    exit 2
  elif [ "$(id -u)" -eq 0 ]; then
    echo "installing: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive bash -c "$install" >/dev/null
  elif sudo -n true 2>/dev/null; then
    echo "installing: ${missing[*]}"
    sudo DEBIAN_FRONTEND=noninteractive bash -c "$install" >/dev/null
  else
    echo "error: packages are missing; run as root: $install" >&2
    exit 2
  fi
}

# Builds what is out of date: frost_build [TARGET...]
frost_build() {
  frost_install_packages
  cmake --preset release >/dev/null
  # No program is linked to the CUDA module: where there is a GPU it has to be named too.
  if [ $# -gt 0 ] && [ -e /dev/nvidiactl ] && grep -q '^build frost_cuda:' build/release/build.ninja; then
    set -- "$@" frost_cuda
  fi
  cmake --build --preset release ${1:+--target "$@"}
}
