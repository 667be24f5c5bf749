/**
 * `install.sh` of a release: takes the program for this machine and puts it in place when its SHA-256
 * is the one written into the script. So only the script has to be trusted, not the place the rest
 * comes from.
 */
import type { Target } from "../compile/target.ts";

/** What `uname -s` and `uname -m` say, by `Target`. Windows has no sh. */
const UNAME: Readonly<Record<string, string[]>> = {
  linux: ["Linux"],
  darwin: ["Darwin"],
  x86_64: ["x86_64", "amd64"],
  aarch64: ["aarch64", "arm64"],
};

export interface InstallScriptOptions {
  version: string;
  /** Where the files of the release will be; without it they are looked for beside the script. */
  url: string | undefined;
  /** SHA-256 of the executables, hexadecimal. */
  programs: readonly { target: Target; file: string; sha256: string }[];
}

export function installScript({ version, url, programs }: InstallScriptOptions): string {
  const cases = programs.filter(({ target }) => target.os !== "windows").map(
    ({ target, file, sha256 }) => {
      const patterns = (UNAME[target.os] ?? []).flatMap((os) =>
        (UNAME[target.arch] ?? []).map((arch) => `${os}-${arch}`)
      );
      return `  ${patterns.join(" | ")}) file=${file} sum=${sha256} ;;`;
    },
  );
  return TEMPLATE.replaceAll("@VERSION@", version).replaceAll("@URL@", url ?? "")
    .replace("@CASES@", cases.join("\n"));
}

const TEMPLATE = `#!/bin/sh
# Installs monitor @VERSION@: sh install.sh [--prefix /usr/local] [--from URL-or-directory]
set -eu

prefix=/usr/local
[ "$(id -u)" = 0 ] || prefix="$HOME/.local"
from="@URL@"
[ -n "$from" ] || from=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

fail() {
  printf 'error: %s\\n' "$1" >&2
  [ -z "\${2:-}" ] || printf '  try: %s\\n' "$2" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --prefix | --from)
      [ $# -ge 2 ] || fail "$1 needs a value"
      if [ "$1" = --prefix ]; then prefix=$2; else from=$2; fi
      shift 2
      ;;
    *) fail "unknown option $1" "sh install.sh [--prefix DIR] [--from URL-or-directory]" ;;
  esac
done

case "$(uname -s)-$(uname -m)" in
@CASES@
  *) fail "there is no monitor @VERSION@ for $(uname -s) on $(uname -m)" "build it: deno task compile" ;;
esac

if command -v sha256sum >/dev/null; then sha256() { sha256sum "$1"; }
elif command -v shasum >/dev/null; then sha256() { shasum -a 256 "$1"; }
elif command -v openssl >/dev/null; then sha256() { openssl dgst -sha256 -r "$1"; }
else fail "nothing here can compute a SHA-256" "install coreutils or openssl"
fi

mkdir -p "$prefix/bin"
new=$(mktemp "$prefix/bin/.monitor.XXXXXX")
trap 'rm -f "$new" "$new.gz"' EXIT
trap 'exit 1' HUP INT TERM

case "$from" in
  http://* | https://*)
    printf 'Downloading %s/%s.gz\\n' "$from" "$file"
    if command -v curl >/dev/null; then curl -fsSL -o "$new.gz" "$from/$file.gz" || fail "the download failed"
    elif command -v wget >/dev/null; then wget -q -O "$new.gz" "$from/$file.gz" || fail "the download failed"
    else fail "there is neither curl nor wget" "download the files, and name their directory with --from"
    fi
    gzip -dc "$new.gz" >"$new" || fail "the download is damaged" "run this again"
    ;;
  *)
    if [ -f "$from/$file" ]; then cat "$from/$file" >"$new"
    elif [ -f "$from/$file.gz" ]; then gzip -dc "$from/$file.gz" >"$new" || fail "$from/$file.gz is damaged"
    else fail "there is no $file in $from" "name where the release is with --from"
    fi
    ;;
esac

found=$(sha256 "$new" | cut -d ' ' -f 1)
[ "$found" = "$sum" ] || fail "$file is not what was released: its SHA-256 is $found, and should be $sum"

chmod 755 "$new"
mv -f "$new" "$prefix/bin/monitor"
printf 'Installed %s\\n' "$("$prefix/bin/monitor" --version) as $prefix/bin/monitor"
case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) printf 'note: %s is not in PATH\\n' "$prefix/bin" ;;
esac
printf 'Next: monitor up, or as a service: sudo %s/bin/monitor install server\\n' "$prefix"
`;
