#!/usr/bin/env bash
# Three replicas of the current release behind nginx, all on loopback: http://127.0.0.1:8100/. Ctrl-C ends all.
# Ports: nginx at PORT (8100), replicas at the three above it. Needs nginx (Debian's package) and `make setup`.
set -euo pipefail
cd "$(dirname "$0")/../.."

PORT=${PORT:-8100}
KG=${KG:-.venv/bin/kg}
export KG_VAR=${KG_VAR:-var/cluster} KG_BASE_IRI=${KG_BASE_IRI:-http://127.0.0.1:$PORT/}
export KG_PROCESSES=${KG_PROCESSES:-1} KG_TRUSTED_PROXIES=${KG_TRUSTED_PROXIES:-127.0.0.1}

nginx=$(command -v nginx || echo /usr/sbin/nginx)
[[ -x $nginx ]] || { echo "cluster: nginx is missing (Debian's package nginx)" >&2; exit 1; }
[[ -n ${NO_BUILD:-} ]] || "$KG" build

# Each in a session of its own, so that all of its processes can be ended at once.
pids=()
end() { for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done; wait; rm -rf "$folder"; }
folder=$(mktemp -d)
chmod 711 "$folder"  # started as root, nginx works as another user
trap end EXIT
trap 'exit 0' INT TERM

for number in 1 2 3; do
    setsid "$KG" serve --no-build --port $((PORT + number)) &
    pids+=($!)
done
mkdir -p "$folder/tmp"
sed -e "s/127\.0\.0\.1:8100/127.0.0.1:$PORT/" \
    -e "s/127\.0\.0\.1:8101/127.0.0.1:$((PORT + 1))/" \
    -e "s/127\.0\.0\.1:8102/127.0.0.1:$((PORT + 2))/" \
    -e "s/127\.0\.0\.1:8103/127.0.0.1:$((PORT + 3))/" deploy/nginx/nginx.conf >"$folder/nginx.conf"
setsid "$nginx" -p "$folder" -c "$folder/nginx.conf" -g 'daemon off;' &
pids+=($!)
echo "cluster: replicas ${pids[0]} ${pids[1]} ${pids[2]}, nginx ${pids[3]}, at http://127.0.0.1:$PORT/"
wait
