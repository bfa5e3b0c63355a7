package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A daemonSet has the fields of the Kubernetes API (apps/v1) that the example uses. Any
// other field is an error here, while a server would reject or ignore it.
type daemonSet struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"selector"`
		Template struct {
			Metadata metadata `yaml:"metadata"`
			Spec     podSpec  `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type metadata struct {
	Name      string            `yaml:"name"`
	Namespace string            `yaml:"namespace"`
	Labels    map[string]string `yaml:"labels"`
}

type podSpec struct {
	AutomountServiceAccountToken *bool             `yaml:"automountServiceAccountToken"`
	HostNetwork                  bool              `yaml:"hostNetwork"`
	PriorityClassName            string            `yaml:"priorityClassName"`
	NodeSelector                 map[string]string `yaml:"nodeSelector"`
	Tolerations                  []struct {
		Operator string `yaml:"operator"`
	} `yaml:"tolerations"`
	InitContainers []container `yaml:"initContainers"`
	Containers     []container `yaml:"containers"`
	Volumes        []struct {
		Name     string `yaml:"name"`
		HostPath struct {
			Path string `yaml:"path"`
			Type string `yaml:"type"`
		} `yaml:"hostPath"`
	} `yaml:"volumes"`
}

type container struct {
	Name         string   `yaml:"name"`
	Image        string   `yaml:"image"`
	Command      []string `yaml:"command"`
	Args         []string `yaml:"args"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
	Resources struct {
		Requests map[string]string `yaml:"requests"`
	} `yaml:"resources"`
}

// The script of the DaemonSet is tested by packaging/test.
func TestDaemonSetIsValid(t *testing.T) {
	var d daemonSet
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "packaging/daemonset.yaml")))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&d))
	require.Equal(t, "apps/v1 DaemonSet", d.APIVersion+" "+d.Kind)
	template := d.Spec.Template
	require.NotEmpty(t, d.Spec.Selector.MatchLabels)
	require.Equal(t, d.Spec.Selector.MatchLabels, template.Metadata.Labels, "a server rejects a DaemonSet that does not select its own pods")

	volumes := make(map[string]string)
	for _, v := range template.Spec.Volumes {
		volumes[v.Name] = v.HostPath.Path
	}
	require.NotEmpty(t, template.Spec.InitContainers)
	for _, c := range template.Spec.InitContainers {
		require.NotEmpty(t, c.VolumeMounts)
		for _, m := range c.VolumeMounts {
			require.Equal(t, volumes[m.Name], m.MountPath, "the script uses the path on the node")
			require.Contains(t, c.Args[0], "cd "+m.MountPath+"\n")
		}
	}
	for _, c := range append(template.Spec.InitContainers, template.Spec.Containers...) {
		require.NotEmpty(t, c.Name)
		require.NotEmpty(t, c.Image)
		require.Equal(t, "/bin/sh", c.Command[0])
		require.Len(t, append(c.Command[2:], c.Args...), 1, "want one script")
	}
}
