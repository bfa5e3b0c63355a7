#!/usr/bin/env bash
# The guess: a runtime uses the exit status to decide whether a DEL succeeded, and repeats a
# failed DEL until it does.
#
# What happened instead: go-cni, which containerd uses to call plugins, inspects the error
# message. A failed DEL whose message contains "not found" counts as done, and so does one with
# "no such file or directory" if the namespace no longer exists. With any other message the
# same failure is an error, and containerd tries again.
#
# Why it matters: if a plugin fails a DEL, the IPAM plugin after it is not called, and such a DEL
# is not repeated. Whatever was not found, be it iptables or a daemon's record, the address
# stays leased until a garbage collection. Authors of plugins: choose the words of a DEL's
# error with care. Operators: look for leases without a pod.
set -euo pipefail

go_cni=v1.1.14

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

mkdir plugins
cat >plugins/fails <<'EOF'
#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}' ;;
DEL)
	printf '{"cniVersion": "1.0.0", "code": 999, "msg": "%s"}\n' "$(cat message)"
	exit 1
	;;
esac
EOF
chmod +x plugins/fails

cat >main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/go-cni"
)

// main sends a DEL for the namespace that is named, and prints what go-cni makes of it.
func main() {
	network := []byte(`{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "fails"}]}`)
	c, err := cni.New(cni.WithPluginDir([]string{"plugins"}), cni.WithConfListBytes(network))
	if err == nil {
		err = c.Remove(context.Background(), "c1", os.Args[1])
	}
	fmt.Println("error:", err)
}
EOF
{
	go mod init example.com/finding
	go get "github.com/containerd/go-cni@$go_cni"
	go mod tidy
	CGO_ENABLED=0 go build -o remove .
} >log 2>&1 || { cat log; exit 1; }

# del MESSAGE [NAMESPACE]
del() {
	printf %s "$1" >message
	printf 'DEL of namespace "%s" fails with "%s"\n' "${2-}" "$1"
	./remove "${2-}" | sed 's/^/    /'
}

echo "go-cni $go_cni"
{
	del 'iptables: executable file not found' /run/netns/n1
	del 'iptables: no such executable file' /run/netns/n1
	del 'open /run/x: no such file or directory' /run/netns/n1
	del 'open /run/x: no such file or directory'
} | tee seen

diff - seen <<'EOF'
DEL of namespace "/run/netns/n1" fails with "iptables: executable file not found"
    error: <nil>
DEL of namespace "/run/netns/n1" fails with "iptables: no such executable file"
    error: plugin type="fails" failed (delete): iptables: no such executable file
DEL of namespace "/run/netns/n1" fails with "open /run/x: no such file or directory"
    error: plugin type="fails" failed (delete): open /run/x: no such file or directory
DEL of namespace "" fails with "open /run/x: no such file or directory"
    error: <nil>
EOF
