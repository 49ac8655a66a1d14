// Package resources is the registry of what outside systems run in projects.
//
// It owns the rows: who may register, see, change and release them. It controls
// no cloud, and does not own limits and the costs of what is registered.
package resources
