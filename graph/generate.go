// Package graph is the API: the schema by hand, the executor generated.
package graph

//go:generate go tool gqlgen generate
