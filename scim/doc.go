// Package scim speaks SCIM 2.0 (RFC 7643 and 7644): it turns what the directory of
// an organization sends into calls of service/directory, and people and groups into
// resources.
//
// It owns the schemas, filters, patches, projections and errors of the protocol. It
// does not own who may do what nor what happens (service/directory), nor the limits
// of requests and who their bearer is (server).
//
// Schemas, the checks of bodies against them, and filters are those of
// github.com/elimity-com/scim and github.com/scim2/filter-parser; the rest of the
// protocol – sorting, projections, ETags, patches as Entra and Okta send them – is
// here (ADR 0022).
package scim
