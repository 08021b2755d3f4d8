#!/bin/sh
# test/interop/probes.sh - the trace points are in the library, if it was built with <sys/sdt.h>.
set -u
build=${WEIR_BUILD_DIR:?}
library=$build/libweir.so
[ -e "$library" ] && command -v readelf >/dev/null || {
    echo "no libweir.so or no readelf"
    exit 77
}
if ! echo '#include <sys/sdt.h>' | ${CC:-gcc} -E -xc - >/dev/null 2>&1; then
    echo "no <sys/sdt.h> here: see systemtap-sdt-dev"
    exit 77
fi
failed=0
for point in spawn run suspend wake end cancel steal submit complete cancel_op pack unpack; do
    if readelf -n "$library" | grep -A1 'Provider: weir$' | grep -q "Name: $point\$"; then
        echo "ok probe_$point"
    else
        echo "not ok probe_$point"
        failed=1
    fi
done
exit "$failed"
