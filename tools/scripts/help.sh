# Sourced by the other scripts before they do anything: `-h` and `--help` print the comment that the script
# begins with.

case ${1:-} in
  -h | --help)
    sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
