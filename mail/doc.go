// Package mail is what a mail looks like and how it leaves the platform.
//
// It owns the message, its texts in every language, the look that an
// organization's theme gives it, SMTP, and the mailbox that shows mails where
// there is no SMTP. It does not own who gets which mail and what is true when it
// is sent (service/mails), nor what links say (token): it knows no database.
package mail
