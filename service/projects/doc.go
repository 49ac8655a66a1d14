// Package projects reads and changes the projects of organizations and their
// SSH keys.
//
// It owns the rules of projects, what goes when one is deleted, and who may see
// which project. It does not own the registry of resources (resources), the
// API keys of a project's application (applications), nor which groups reach a
// project (groups).
package projects
