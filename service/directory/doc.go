// Package directory is how the directory of an organization – Entra, Okta and the
// like – keeps its people and groups, and how it gets the token to do so.
//
// It owns what a directory sees of an organization, what it may change of people
// who are its own and of guests, and the tokens. It does not own the protocol
// (scim), how members come and go (roster) nor the rights: a token is the API key
// of an application, which may do what its groups allow, and no more than anybody
// else with these rights.
package directory
