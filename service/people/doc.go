// Package people reads and changes who there is: users, applications and their
// places in organizations.
//
// It owns accounts, applications, memberships, the viewer as the API shows it,
// and who may see what of a person. It does not own groups, of which it only
// lists the members, API keys, nor signing in.
package people
