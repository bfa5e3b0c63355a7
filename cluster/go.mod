module github.com/leasehold/leasehold/cluster

go 1.25.0

require (
	github.com/leasehold/leasehold v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace github.com/leasehold/leasehold => ../
