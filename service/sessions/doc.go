// Package sessions is how people sign in and stay signed in, and what they do
// with their own credentials.
//
// It owns sign-ins by password, the life of a session with its tokens, how
// failed sign-ins are slowed down, and what a person changes about the own
// account: password, second factor, address, name. It does not own what tokens
// look like (token), who a token stands for (records), what administrators do to
// the accounts of others (people), nor sign-ins through a provider, which open
// their sessions here.
package sessions
