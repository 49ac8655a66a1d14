// Package sessions gives out access tokens in return for credentials.
//
// It owns how long such a token lives and what it is bound to. It does not own
// what tokens look like (token) nor who a token stands for (records).
package sessions
