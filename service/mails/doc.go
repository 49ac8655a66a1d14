// Package mails sends the mails that others post.
//
// It owns what is true when a mail goes out: whether there is still something to
// say, to whom, in which language and look, and the links. It does not own the
// texts and SMTP (mail), nor when a mail is tried again (jobs).
package mails
