package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"

	"github.com/leasehold/leasehold/interop/stocksuite/target"
)

func main() {} // unused: only the tests run

func cmdAdd(args *skel.CmdArgs) error { return execute("ADD", args) } //lint:ignore U1000 the stock plugin's tests call it
func cmdDel(args *skel.CmdArgs) error { return execute("DEL", args) } //lint:ignore U1000 the stock plugin's tests call it
func cmdGC(args *skel.CmdArgs) error  { return execute("GC", args) }  //lint:ignore U1000 the stock plugin's tests call it

// parseResolvConf returns the DNS part of an ADD's result for the file.
func parseResolvConf(file string) (*types.DNS, error) {
	dir, err := os.MkdirTemp("", "resolvconf")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // the tests remove their whole directory
	conf := fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "net", "ipam": {"dataDir": %q, "resolvConf": %q, "subnet": "10.1.2.0/24"}}`, dir, file)
	out, err := output("ADD", &skel.CmdArgs{ContainerID: "c1", IfName: "eth0", Netns: "/some/where", StdinData: []byte(conf)})
	if err != nil {
		return nil, err
	}
	result := new(types100.Result)
	return &result.DNS, json.Unmarshal(out, result)
}

// execute prints the plugin's output where the tests read it.
func execute(command string, args *skel.CmdArgs) error {
	out, err := output(command, args)
	if err == nil {
		_, err = os.Stdout.Write(out)
	}
	return err
}

// output returns the plugin's output. The error has its own text, without advice.
func output(command string, args *skel.CmdArgs) (out []byte, err error) {
	conf, path, err := configure(args.StdinData)
	if err != nil {
		return nil, err
	}
	return out, target.Do(path, func() error {
		out, err = answer(command, args, conf)
		return err
	})
}

// configure adds the backend to a configuration, and returns the path of the store.
func configure(stdin []byte) (conf []byte, path string, err error) {
	var all map[string]any
	if err := json.Unmarshal(stdin, &all); err != nil {
		return nil, "", err
	}
	ipam, isMap := all["ipam"].(map[string]any)
	name, isText := all["name"].(string)
	if !isMap || !isText {
		return nil, "", errors.New("the configuration has no name or no ipam")
	}
	if target.Backend() != "" {
		ipam["backend"] = target.Backend()
	}
	dataDir, _ := ipam["dataDir"].(string) // The tests always set it.
	conf, err = json.Marshal(all)
	return conf, filepath.Join(dataDir, name), err
}

func answer(command string, args *skel.CmdArgs, conf []byte) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(target.Plugin())
	cmd.Env = []string{
		"CNI_COMMAND=" + command,
		"CNI_CONTAINERID=" + args.ContainerID,
		"CNI_IFNAME=" + args.IfName,
		"CNI_NETNS=" + args.Netns,
		"CNI_ARGS=" + args.Args,
		"CNI_PATH=/opt/cni/bin",
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(conf), &stderr
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	var refusal types.Error
	if json.Unmarshal(out, &refusal) != nil || refusal.Msg == "" {
		return nil, fmt.Errorf("%s: %w: %s%s", command, err, out, &stderr)
	}
	return nil, errors.New(refusal.Msg)
}
