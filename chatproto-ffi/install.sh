#!/bin/sh
# Builds the C library and puts it where C compilers look for it:
#
#     chatproto-ffi/install.sh
#
# PREFIX is /usr/local if nothing is said; LIBDIR is PREFIX/lib, and INCLUDEDIR PREFIX/include. With
# DESTDIR all of it goes below that folder, for those who make packages of it. BUILT is a folder in which
# cargo has built the library already; then nothing is built.
#
#     include/chatproto.h
#     lib/libchatproto.so -> libchatproto.so.0.1 -> libchatproto.so.0.1.0
#     lib/libchatproto.a
#     lib/pkgconfig/chatproto.pc
set -eu

root="$(cd "$(dirname "$0")/.." && pwd)"
prefix="${PREFIX-/usr/local}"
libdir="${LIBDIR-$prefix/lib}"
includedir="${INCLUDEDIR-$prefix/include}"
destdir="${DESTDIR-}"

if [ -z "${BUILT-}" ]; then
    (cd "$root" && cargo build --release -p chatproto-ffi)
    BUILT="${CARGO_TARGET_DIR-$root/target}/release"
fi

version="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)"
# As build.rs has it.
case "$version" in
0.*) interface="$(echo "$version" | cut -d. -f1,2)" ;;
*) interface="${version%%.*}" ;;
esac

install -d "$destdir$includedir" "$destdir$libdir/pkgconfig"
install -m 644 "$root/include/chatproto.h" "$destdir$includedir/"
install -m 644 "$BUILT/libchatproto.a" "$destdir$libdir/"
if [ "$(uname)" = Darwin ]; then
    install -m 755 "$BUILT/libchatproto.dylib" "$destdir$libdir/libchatproto.$version.dylib"
    ln -sf "libchatproto.$version.dylib" "$destdir$libdir/libchatproto.$interface.dylib"
    ln -sf "libchatproto.$interface.dylib" "$destdir$libdir/libchatproto.dylib"
else
    install -m 755 "$BUILT/libchatproto.so" "$destdir$libdir/libchatproto.so.$version"
    ln -sf "libchatproto.so.$version" "$destdir$libdir/libchatproto.so.$interface"
    ln -sf "libchatproto.so.$interface" "$destdir$libdir/libchatproto.so"
fi
cat >"$destdir$libdir/pkgconfig/chatproto.pc" <<END
prefix=$prefix
libdir=$libdir
includedir=$includedir

Name: chatproto
Description: An embeddable chat protocol: realms that talk to each other
Version: $version
Libs: -L\${libdir} -lchatproto
Libs.private: -lpthread -ldl -lm
Cflags: -I\${includedir}
END
echo "chatproto $version is in $destdir$prefix; a shared library may want ldconfig there"
