// Package identity is how organizations bring their own ways to say who somebody
// is: OIDC providers that their people sign in through, links between people and
// what a provider calls them, and issuers whose tokens are trusted as they come.
//
// It owns who may configure these, whom a provider's word reaches – people of the
// provider's own organization, and those who linked themselves – and what happens
// on the way from the redirect to the code that a session is taken with. It does
// not own the protocol (idp), what a session is (sessions) nor how people and
// memberships are made (roster).
//
// Whoever controls a provider in use can act as every member whose home is the
// organization. So to configure one that is in use takes all that a member other
// than the owner may have; those who come in through the tree can prepare one,
// and somebody of the organization puts it to use. The owner is reached by a link
// that they made themself, and by nothing else.
package identity
