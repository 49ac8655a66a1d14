// Package webhooks calls the addresses that organizations want called when
// something happens to them.
//
// It owns who may have what told where, the secrets that sign the calls, when a
// call is made again and when an address is given up. It does not own what is
// told and to whom: the services that decide say so, by records.Announce, in the
// transaction in which it happens. Nor which addresses may be called (outbound).
package webhooks
