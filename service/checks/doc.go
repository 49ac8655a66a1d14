// Package checks answers who may do what, and why: permission checks in bulk,
// explanations, and the grants of a principal with their sources.
//
// It owns whom one may ask about and how much of a source an asker is told. It
// does not own the decision, which is access.Check's, nor any right itself.
package checks
