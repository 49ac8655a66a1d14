// Package invitations offers people a place in an organization, or the
// organization itself.
//
// It owns who may invite whom, who may answer, and what comes of an answer. It
// does not own the states of an invitation nor how members join (roster), the
// letters (records, mails), nor accounts (people).
package invitations
