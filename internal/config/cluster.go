package config

// readCluster reads with which hosts the addresses are shared. It rejects a files store already
// here, because ADD would otherwise make one before it finds that out.
func (c *Config) readCluster(raw *rawIPAM) error {
	c.Cluster, c.Space = raw.Cluster, raw.Space
	switch {
	case c.Cluster == "" && c.Space != "":
		return invalid(`add "cluster", the name of a file in /etc/leasehold/clusters, or leave "space" out`,
			"ipam.space: it needs ipam.cluster")
	case c.Cluster == "":
		return nil
	case !validIdentifier(c.Cluster):
		return invalid(identifierRule, "ipam.cluster: invalid characters in %q", c.Cluster)
	case c.Space != "" && !validIdentifier(c.Space):
		return invalid(identifierRule, "ipam.space: invalid characters in %q", c.Space)
	case c.Backend != Bolt:
		return invalid(`set "backend": "bolt"; to move the leases of an existing network first, run: leasehold migrate `+
			c.Name+` --to bolt`, "ipam.cluster: a files store cannot be shared with other hosts, because nothing in it says which addresses this host holds")
	}
	if c.Space == "" {
		c.Space = c.Name
	}
	return nil
}
